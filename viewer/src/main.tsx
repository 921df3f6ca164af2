import "./style.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { openFile } from "./data/file.ts";
import { openService } from "./data/service.ts";

const root = document.getElementById("viewer") as HTMLElement;
const source = (await openFile(document)) ?? openService();
render(<App source={source} />, root);
