/** Questions to the hub, typed by its own description of itself. */

import { away, problemOf } from "./problem";
import type { components, paths } from "./schema";
import { session } from "./session.svelte";

export type Schemas = components["schemas"];

type Content<Answers> = Answers extends { 200: { content: { "application/json": infer Body } } }
  ? Body
  : never;
type Operation<Path, Method extends string> = Path extends Record<Method, infer Found> ? Found : never;
type Query<Found> = Found extends { parameters: { query?: infer Asked } } ? Asked : never;
type Answer<Found> = Found extends { responses: infer Answers } ? Content<Answers> : never;
/** What has a default may be left out of a question, though never of an answer. */
type Given<T> = T extends readonly (infer One)[]
  ? readonly Given<One>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Given<T[Key]> }
    : T;
type Body<Found> = Found extends { requestBody: { content: { "application/json": infer Told } } }
  ? Given<Told>
  : never;
type With<Method extends string> = {
  [Path in keyof paths]: Operation<paths[Path], Method> extends { responses: unknown } ? Path : never;
}[keyof paths];

/** What takes the hub long to make may be a few seconds old: it is told at once, and the next is being made. */
const WATCHING = { "Cache-Control": "max-stale=10" };

/** The answer to a GET; a Problem is thrown where there is none. */
export async function ask<Path extends With<"get">>(
  path: Path,
  query: Query<Operation<paths[Path], "get">> | Record<string, never> = {},
  signal?: AbortSignal,
): Promise<Answer<Operation<paths[Path], "get">>> {
  return (await fetched(addressOf(path, query), { signal, headers: WATCHING })).json();
}

/** The answer to a POST or PUT. */
export async function send<Method extends "post" | "put", Path extends With<Method>>(
  method: Method,
  path: Path,
  body: Body<Operation<paths[Path], Method>>,
  options: { signal?: AbortSignal; headers?: Record<string, string> } = {},
): Promise<Answer<Operation<paths[Path], Method>>> {
  const headers = { "Content-Type": "application/json", ...options.headers };
  const content = JSON.stringify(body);
  return (
    await fetched(path, { method: method.toUpperCase(), headers, body: content, signal: options.signal })
  ).json();
}

/** The path with a query; what is empty is left out. */
export function addressOf(path: string, query: object): string {
  const told = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") told.set(key, String(value));
  }
  const text = told.toString();
  return text ? `${path}?${text}` : path;
}

/** Any answer that is no error. Who is not known to the hub (any more) has to sign in. */
export async function fetched(address: string, options: RequestInit = {}): Promise<Response> {
  const token = session.token;
  const headers = new Headers(options.headers);
  headers.set("Authorization", `Bearer ${token}`);
  let answer: Response;
  try {
    answer = await fetch(address, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw away();
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (problem.kind === "unknown" && token === session.token) session.leave(problem.detail);
  throw problem;
}
