const widthOfLine = 108;

/** Prints a text below a heading of its own, wrapped, its lines below one another. */
export function print(text: string, heading = "  "): void {
  const indent = " ".repeat(heading.length);
  const width = widthOfLine - heading.length;
  const lines = text.split("\n").flatMap((line) => wrap(line, width));
  console.log(heading + lines.join(`\n${indent}`));
}

function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const end = rest.lastIndexOf(" ", width);
    lines.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return [...lines, rest];
}
