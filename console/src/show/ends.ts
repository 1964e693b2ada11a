/** How an end of a connection is called. */

import type { Schemas } from "../api/ask";

export type End = Schemas["End"];

/** `shop/ui`, a Service's name, a cloud service, a DNS name, else the address. */
export function titleOf(end: End): string {
  if (end.namespace && end.name) return `${end.namespace}/${end.name}`;
  return end.name || end.address || end.kind;
}

/** A pod by what a person deploys: `shop/ui`; others as `titleOf`. */
export function workloadOf(end: End): string {
  return end.workload ? `${end.namespace}/${nameOf(end.workload)}` : titleOf(end);
}

/** `ui` of `Deployment/ui`. */
export function nameOf(workload: string): string {
  return workload.slice(workload.indexOf("/") + 1);
}

/** The terms that mean this end, as `src` or `dst`. */
export function termsOf(end: End, side: "src" | "dst"): readonly (readonly [string, string])[] {
  if (end.workload) {
    return [
      [`${side}.namespace`, end.namespace],
      [`${side}.workload`, end.workload],
    ];
  }
  return end.name ? [[`${side}.name`, end.name]] : [[`${side}.ip`, end.address]];
}
