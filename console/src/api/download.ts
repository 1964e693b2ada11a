/** Files: of the hub, or of what the page holds. */

import { addressOf, fetched } from "./ask";

/** Fetch a file with the token, which a link could not carry, and hand it to the browser. */
export async function download(path: string, query: object): Promise<void> {
  const answer = await fetched(addressOf(path, query));
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "fairway";
  keep(await answer.blob(), name);
}

/** Hand something to the browser as a file. */
export function keep(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
