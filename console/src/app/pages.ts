/** The pages, in the order of the rail and of the keys 1 to 9. */

import type { Component } from "svelte";

import type { Page } from "../place/place";

export interface Entry {
  readonly page: Page;
  readonly name: string;
  /** What the icon draws, on a field of 20 by 20. */
  readonly icon: string;
  /** Loaded when somebody goes there. */
  readonly load: () => Promise<{ default: Component }>;
}

export const ENTRIES: readonly Entry[] = [
  {
    page: "overview",
    name: "Overview",
    icon: "M3 3h6v8H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 13h6v4H3z",
    load: () => import("../overview/OverviewPage.svelte"),
  },
  {
    page: "map",
    name: "Map",
    icon: "M2 4h5v4H2zM13 3h5v4h-5zM12 13h5v4h-5zM7 6l6-1M6 8l7 6M15 7l0 6",
    load: () => import("../map/MapPage.svelte"),
  },
  {
    page: "flows",
    name: "Flows",
    icon: "M2 5h12M11 2l3 3-3 3M18 14H6M9 11l-3 3 3 3",
    load: () => import("../flows/FlowsPage.svelte"),
  },
  {
    page: "policies",
    name: "Policies",
    icon: "M10 2l7 3v4c0 5-3 7.5-7 9-4-1.500-7-4-7-9V5zM7 10l2 2 4-4",
    load: () => import("../policies/PoliciesPage.svelte"),
  },
  {
    page: "rollouts",
    name: "Rollouts",
    icon: "M2 14h4v3H2zM8 9h4v8H8zM14 4h4v13h-4zM3 10l4-4M7 6H4.500M7 6v2.500",
    load: () => import("../rollouts/RolloutsPage.svelte"),
  },
  {
    page: "zones",
    name: "Zones",
    icon: "M3 3h5v5H3zM12 3h5v5h-5zM3 12h5v5H3zM12 12h5v5h-5zM8 5.500h4M5.500 8v4",
    load: () => import("../zones/ZonesPage.svelte"),
  },
  {
    page: "agents",
    name: "Agents",
    icon: "M3 3h14v5H3zM3 12h14v5H3zM6 5.500h.01M6 14.500h.01M10 5.500h4M10 14.500h4",
    load: () => import("../agents/AgentsPage.svelte"),
  },
  {
    page: "anomalies",
    name: "Anomalies",
    icon: "M2 13h3l2-3 2 3 2-10 3 14 2-4h2",
    load: () => import("../anomalies/AnomaliesPage.svelte"),
  },
  {
    page: "investigate",
    name: "Investigate",
    icon: "M9 3a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM13.500 13.500L18 18M9 6.500v3M9 12h.01",
    load: () => import("../investigate/InvestigatePage.svelte"),
  },
];
