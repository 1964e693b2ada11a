/** The lines of a written policy, and to which of its rules each belongs. */

export interface YamlLine {
  readonly text: string;
  /** `ingress[0]`; "" outside of rules. */
  readonly rule: string;
  /** Whether the rule begins here, comments before it included. */
  readonly begins: boolean;
}

const SECTIONS = ["ingress", "egress"];

/** Of one document as the hub writes them: sections two deep, their items and comments on them four. */
export function linesOf(yaml: string): readonly YamlLine[] {
  let section = "";
  let index = -1;
  let commented = false;
  return yaml
    .replace(/\n+$/, "")
    .split("\n")
    .map((text) => {
      const head = /^ {2}(\w+):/.exec(text)?.[1];
      if (head) [section, index, commented] = [head, -1, false];
      if (head || !SECTIONS.includes(section)) return { text, rule: "", begins: false };
      const comment = text.startsWith("    #");
      const begins = !commented && (comment || text.startsWith("    - "));
      if (begins) index += 1;
      commented = comment;
      return { text, rule: index < 0 ? "" : `${section}[${index}]`, begins };
    });
}

/** The separate documents of a text. */
export function documentsOf(text: string): readonly string[] {
  return text
    .split(/^---\s*$/m)
    .map((one) => one.trim())
    .filter(Boolean);
}

/** `namespace/name` of a written policy; "" where it has none. */
export function titleIn(document: string): string {
  const name = /^ {2}name: *"?([^"\n]+?)"? *$/m.exec(document)?.[1];
  const namespace = /^ {2}namespace: *"?([^"\n]+?)"? *$/m.exec(document)?.[1];
  return name ? `${namespace ?? "default"}/${name}` : "";
}

/** `60 connections` of a rule's first line of evidence, for the gutter. */
export function evidenceOf(lines: readonly string[]): string {
  const counts = lines.map((line) =>
    Number(/([\d,]+) connections?/.exec(line)?.[1]?.replaceAll(",", "") ?? 0),
  );
  return counts.reduce((sum, one) => sum + one, 0).toLocaleString("en");
}
