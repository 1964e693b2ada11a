/** Filters as text, without reading them whole: the hub does that. */

/** A filter with a term of its own for a field; what else it says stays. */
export function narrowed(filter: string, field: string, value: string): string {
  const term = `${field}=${/[\s"(),*]/.test(value) ? `"${value}"` : value}`;
  const simple = !/[()]|(^|\s)(or|not)(\s|$)/i.test(filter);
  if (!simple) return `(${filter}) ${term}`;
  const kept =
    filter.match(/(?:[^\s"]|"[^"]*")+/g)?.filter((one) => !one.toLowerCase().startsWith(`${field}=`)) ?? [];
  return [...kept, term].join(" ");
}
