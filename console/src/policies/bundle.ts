/** Policies as a folder that Kustomize takes, in one file: tar, which needs no library (GNU tar manual, "Basic Tar Format"). */

export interface File {
  readonly name: string;
  readonly text: string;
}

const BLOCK = 512;
/** Characters of a name; a longer one stands before its file, as GNU tar has it. */
const NAME = 100;

/** The files and a kustomization that names them. */
export function kustomized(files: readonly File[]): readonly File[] {
  const names = files.map(({ name }) => `  - ${name}\n`).join("");
  const text = `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n${names}`;
  return [...files, { name: "kustomization.yaml", text }];
}

/** An archive of a folder with these files; `seconds` since 1970 is when they were written. */
export function tar(folder: string, files: readonly File[], seconds: number): Blob {
  const parts = files.flatMap(({ name, text }) => {
    const [path, content] = [`${folder}/${name}`, encode(text)];
    const long = path.length > NAME ? entry("././@LongLink", "L", encode(`${path}\0`), seconds) : [];
    return [...long, ...entry(path.slice(0, NAME), "0", content, seconds)];
  });
  return new Blob([...parts, new Uint8Array(2 * BLOCK)] as BlobPart[], { type: "application/x-tar" });
}

function entry(name: string, kind: string, content: Uint8Array, seconds: number): readonly Uint8Array[] {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(encode(text), at);
  const octal = (value: number, width: number) =>
    `${Math.floor(value)
      .toString(8)
      .padStart(width - 1, "0")}\0`;
  put(0, name);
  put(100, octal(0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(content.length, 12));
  put(136, octal(seconds, 12));
  put(148, "        ");
  put(156, kind);
  put(257, "ustar  \0");
  put(
    148,
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
  );
  return [block, content, new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK)];
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
