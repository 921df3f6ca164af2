import { reliableBundle, bundle } from "./bench/run/model-calls.ts";
const run = reliableBundle ? reliableBundle() : undefined as any;
for (let i = 0; i < 300; i++) await run();
const c = process.cpuUsage(); const n = 2500; 
for (let i = 0; i < n; i++) await run();
const d = process.cpuUsage(c); console.log((d.user + d.system) / n / 10, "us per replicate");
