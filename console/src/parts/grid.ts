/** What a table shows, apart from how: columns, units, and rows that may not be there yet. */

import type { Snippet } from "svelte";

import { inUnit, unitFor, UNKNOWN, type Unit } from "../show/units";

export interface Column<Row> {
  readonly key: string;
  readonly name: string;
  /** Pixels, or a share of what is left: `2fr`. */
  readonly width: number | string;
  /** The text of a cell; UNKNOWN where nothing is known. */
  readonly text?: (row: Row) => string;
  /** Or a figure, shown in one unit for the column; null where nothing is known. */
  readonly figure?: (row: Row) => number | null;
  /** Of the figure: bytes have a unit for the whole column, plain counts none. */
  readonly bytes?: boolean;
  /** Or anything else. */
  readonly cell?: Snippet<[Row]>;
  readonly title?: (row: Row) => string;
  /** What the hub, or the page, calls an order by this column. */
  readonly sort?: string;
  readonly mono?: boolean;
  /** Figures are right-aligned by themselves, text if this says so. */
  readonly right?: boolean;
}

/** Rows by number; `at` is undefined for one that has to be fetched, which `need` does. */
export interface Rows<Row> {
  readonly length: number;
  at(index: number): Row | undefined;
  need(first: number, last: number): void;
}

export const ROW_HEIGHT = 28;

/** Rows that are all there. */
export function rowsOf<Row>(list: readonly Row[]): Rows<Row> {
  return { length: list.length, at: (index) => list[index], need: () => undefined };
}

/** The unit of each column of bytes, by its key, for the rows that are shown. */
export function unitsOf<Row>(columns: readonly Column<Row>[], shown: readonly Row[]): Map<string, Unit> {
  const units = new Map<string, Unit>();
  for (const column of columns) {
    const figure = column.figure;
    if (column.bytes && figure) units.set(column.key, unitFor(shown.map((row) => figure(row) ?? 0)));
  }
  return units;
}

/** What a cell says. */
export function textOf<Row>(column: Column<Row>, row: Row, unit: Unit | undefined): string {
  if (!column.figure) return column.text?.(row) ?? UNKNOWN;
  const figure = column.figure(row);
  return figure === null ? UNKNOWN : inUnit(figure, unit ?? { name: "", size: 1 });
}

/** The grid's columns as CSS has them. */
export function tracksOf<Row>(columns: readonly Column<Row>[]): string {
  return columns
    .map(({ width }) => (typeof width === "number" ? `${width}px` : `minmax(120px, ${width})`))
    .join(" ");
}

/** The narrowest that the columns fit into, in pixels; beyond it the table scrolls sideways. */
export function leastOf<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, { width }) => sum + (typeof width === "number" ? width : 120), 24);
}

/** Which rows a scrolled window shows, with some beyond its ends. */
export function windowOf(top: number, height: number, length: number, beyond = 8): readonly [number, number] {
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - beyond);
  return [first, Math.min(length, Math.ceil((top + height) / ROW_HEIGHT) + beyond)];
}
