/** The theme's colours as a canvas needs them. */

const NAMES = [
  "--ground",
  "--surface",
  "--raised",
  "--line",
  "--edge",
  "--ink",
  "--quiet",
  "--allowed",
  "--unprotected",
  "--would-deny",
  "--denied",
  "--picked",
  "--picked-ground",
  "--crossing",
] as const;

export type Palette = Readonly<Record<string, string>>;

/** Read them from the document; `theme` is what they depend on. */
export function paletteOf(theme: string): Palette {
  void theme;
  const style = getComputedStyle(document.documentElement);
  const found = NAMES.map((name) => [name, style.getPropertyValue(name).trim()] as const);
  return { ...Object.fromEntries(found), sans: style.getPropertyValue("--sans").trim() };
}

export function colourOf(palette: Palette, name: string): string {
  return palette[name] ?? "";
}
