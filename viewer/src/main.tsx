import "./style.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { openFile } from "./data/file.ts";

const root = document.getElementById("viewer") as HTMLElement;
const source = await openFile(document);
if (source) render(<App source={source} />, root);
