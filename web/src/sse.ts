/** One message of a stream of events. */
export interface Message { kind: string; id: number; data: string }

/** Reads one message. Its data is "" where it is a comment only. */
function parse(frame: string): Message {
  const m: Message = { kind: "", id: 0, data: "" };
  for (const line of frame.split("\n")) {
    const [, name, value] = /^(\w+): ?([^]*)/.exec(line) ?? [];
    if (name === "event") m.kind = value;
    if (name === "id") m.id = Number(value);
    if (name === "data") m.data += value;
  }
  return m;
}

/** Hands over the messages of a reply as they come, all that arrived together at once; it returns when the reply ends. */
export async function messages(reply: Response, take: (messages: Message[]) => void): Promise<void> {
  const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop()!;
    take(frames.map(parse));
  }
}
