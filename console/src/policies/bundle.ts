/** Policies as a folder that Kustomize takes, in one file: tar, which needs no library (POSIX.1-1988 ustar). */

export interface File {
  readonly name: string;
  readonly text: string;
}

const BLOCK = 512;

/** The files and a kustomization that names them. */
export function kustomized(files: readonly File[]): readonly File[] {
  const names = files.map(({ name }) => `  - ${name}\n`).join("");
  const text = `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n${names}`;
  return [...files, { name: "kustomization.yaml", text }];
}

/** An archive of a folder with these files; `seconds` since 1970 is when they were written. */
export function tar(folder: string, files: readonly File[], seconds: number): Blob {
  const parts = files.flatMap(({ name, text }) => {
    const content = new TextEncoder().encode(text);
    const padding = new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(`${folder}/${name}`, content.length, seconds), content, padding];
  });
  return new Blob([...parts, new Uint8Array(2 * BLOCK)] as BlobPart[], { type: "application/x-tar" });
}

function header(name: string, size: number, seconds: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, width: number) =>
    `${Math.floor(value)
      .toString(8)
      .padStart(width - 1, "0")}\0`;
  // A name over 100 characters is split at a slash: the part before it goes into `prefix`.
  const cut = name.length > 100 ? name.indexOf("/", name.length - 101) : -1;
  put(0, name.slice(cut + 1));
  put(100, octal(0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(seconds, 12));
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\u000000");
  if (cut > 0) put(345, name.slice(0, cut));
  put(
    148,
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
  );
  return block;
}
