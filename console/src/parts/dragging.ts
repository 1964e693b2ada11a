/** An action: while the element is dragged, say where the pointer is, in pixels from the left. */
export function dragging(element: HTMLElement, to: (x: number) => void): { destroy: () => void } {
  const move = (event: PointerEvent) => {
    if (element.hasPointerCapture(event.pointerId)) to(event.clientX);
  };
  const down = (event: PointerEvent) => {
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
  };
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  return {
    destroy: () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
    },
  };
}
