import type { ComponentChildren } from "preact";
import { showCount } from "../../../src/cli/progress/format.ts";

/** A drawing area in units of about a pixel, with room for labels around it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export type Scale = (value: number) => number;

export function horizontal({ left, right, width }: Frame, from: number, to: number): Scale {
  return (value) => round(left + ((value - from) / (to - from || 1)) * (width - right - left));
}

export function vertical({ top, bottom, height }: Frame, from: number, to: number): Scale {
  return (value) => round(height - bottom - ((value - from) / (to - from || 1)) * (height - bottom - top));
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function Chart({
  frame,
  label,
  children,
}: {
  readonly frame: Frame;
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <svg viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={label}>
      {children}
    </svg>
  );
}

export const shareTicks = [0, 0.25, 0.5, 0.75, 1];

export function SideAxis({
  frame,
  y,
  ticks,
}: {
  readonly frame: Frame;
  readonly y: Scale;
  readonly ticks: readonly number[];
}) {
  return (
    <>
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={frame.left} x2={frame.width - frame.right} y1={y(tick)} y2={y(tick)} />
          <text class="tick" x={frame.left - 6} y={y(tick)} dy=".32em" text-anchor="end">
            {tick >= 1_000 ? showCount(tick) : tick}
          </text>
        </g>
      ))}
    </>
  );
}

interface BottomAxisProps {
  readonly frame: Frame;
  readonly x: Scale;
  readonly ticks: readonly number[];
  readonly title: string;
}

export function BottomAxis({ frame, x, ticks, title }: BottomAxisProps) {
  const y = frame.height - frame.bottom + 15;
  return (
    <>
      {ticks.map((tick) => (
        <text key={tick} class="tick" x={x(tick)} y={y} text-anchor="middle">
          {tick}
        </text>
      ))}
      <text class="tick" x={(frame.left + frame.width - frame.right) / 2} y={y + 16} text-anchor="middle">
        {title}
      </text>
    </>
  );
}

export function pathOf(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
}
