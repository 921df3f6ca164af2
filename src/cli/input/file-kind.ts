/** Kind of a file that is told by its first bytes. */
export interface FileKind {
  /** For people: "an Excel workbook (.xlsx)". */
  readonly name: string;
  /** Way to get a file of texts from it. */
  readonly advice: string;
}

const saveAsCsv = 'Open it, choose "Save as" or "Export", and take "CSV UTF-8"';
const excel: FileKind = { name: "an Excel workbook (.xlsx)", advice: saveAsCsv };
const unpack = (command: string) => `Unpack it first: ${command}`;

/** First bytes of files that hold no text, and of texts that hold no inputs. */
const kindsByStart: readonly [start: string, kind: FileKind][] = [
  ["\xd0\xcf\x11\xe0", { name: "an Excel workbook (.xls)", advice: saveAsCsv }],
  ["\x1f\x8b", { name: "compressed by gzip", advice: unpack("gunzip FILE") }],
  ["\x28\xb5\x2f\xfd", { name: "compressed by zstd", advice: unpack("unzstd FILE") }],
  ["\xfd7zXZ", { name: "compressed by xz", advice: unpack("unxz FILE") }],
  ["BZh", { name: "compressed by bzip2", advice: unpack("bunzip2 FILE") }],
  ["7z\xbc\xaf", { name: "a 7-Zip archive", advice: unpack("7z x FILE") }],
  ["%PDF-", { name: "a PDF", advice: documentAdvice() }],
  ["\x89PNG", { name: "a PNG image", advice: documentAdvice() }],
  ["\xff\xd8\xff", { name: "a JPEG image", advice: documentAdvice() }],
  ["GIF8", { name: "a GIF image", advice: documentAdvice() }],
  [
    "PAR1",
    { name: "a Parquet file", advice: "Write its rows as CSV or JSON lines: duckdb -c \"copy 'FILE' to 'in.csv'\"" },
  ],
  ["ARROW1", { name: "an Arrow file", advice: "Write its rows as CSV or JSON lines" }],
  [
    "SQLite format 3\0",
    { name: "an SQLite database", advice: 'Write a table as CSV: sqlite3 -header -csv FILE "select * from …"' },
  ],
  ["{\\rtf", { name: "an RTF document", advice: "Save it as plain text" }],
  ["PGDMP", { name: "a dump of Postgres", advice: 'Write a table as CSV: psql -c "\\copy … to in.csv csv header"' }],
];

function documentAdvice(): string {
  return `To ask about documents, give the tool file \`files: "{{path}}"\`, and a folder, or a table with a column of paths, as --input`;
}

/** Names inside the archives that office programs write. */
const kindsOfArchives: readonly [part: RegExp, kind: FileKind][] = [
  [/opendocument\.spreadsheet/, { name: "a LibreOffice workbook (.ods)", advice: saveAsCsv }],
  [/Index\/|\.iwa/, { name: "a Numbers document", advice: 'In Numbers: File, "Export To", CSV, encoding UTF-8' }],
  [/word\//, { name: "a Word document (.docx)", advice: "Save it as plain text" }],
  [/xl\/|\[Content_Types\]|docProps/, excel],
];

/** Extensions of files that hold no inputs, where the content does not tell. */
const kindsByExtension: Readonly<Record<string, FileKind>> = {
  ".xlsx": excel,
  ".xlsm": excel,
  ".xls": { name: "an Excel workbook (.xls)", advice: saveAsCsv },
  ".ods": { name: "a LibreOffice workbook (.ods)", advice: saveAsCsv },
  ".numbers": { name: "a Numbers document", advice: 'In Numbers: File, "Export To", CSV, encoding UTF-8' },
};

/** Tells a file that is no text by its first bytes; `undefined` where it may be one. */
export function foreignKindOf(head: Uint8Array): FileKind | undefined {
  const start = Buffer.from(head.subarray(0, 4096)).toString("latin1");
  if (start.startsWith("PK\x03\x04")) {
    const archive = kindsOfArchives.find(([part]) => part.test(start))?.[1];
    return archive ?? { name: "a ZIP archive", advice: unpack("unzip FILE") };
  }
  return kindsByStart.find(([bytes]) => start.startsWith(bytes))?.[1];
}

/** Tells a text that is a page or a document of markup, which no reader of inputs takes. */
export function markupKindOf(text: string): FileKind | undefined {
  const start = text.slice(0, 512).trimStart();
  if (/^<(!doctype html|html|head|body|table)\b/i.test(start))
    return {
      name: "an HTML page",
      advice: "A download that needs a login often saves its login page. Download it again, or save the table as CSV",
    };
  if (/^<\?xml|^<[A-Za-z][\w:-]*[\s>]/.test(start)) return { name: "XML", advice: saveAsCsv };
  return undefined;
}

/** Tells what a file is by its extension, where that names something that holds no inputs. */
export function kindOfExtension(extension: string): FileKind | undefined {
  return kindsByExtension[extension];
}
