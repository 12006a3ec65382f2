/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A mark that wants a text beside it. */
export interface Labelled {
  readonly x: number;
  readonly y: number;
  /** Width of its text. */
  readonly width: number;
}

/** Where a text stands: its box, and the line that leads to it from a mark it does not stand beside. */
export interface LabelPlace {
  readonly box: Box;
  readonly leader: { readonly x: number; readonly y: number } | null;
}

/** Height of a text of 10 pixels with a little air. */
export const LABEL_HEIGHT = 12;
/** Half the size of a mark with a little air. */
const MARK = 6;
const RING_STEP = 12;
const ANGLES = 16;
/** Marks that are nearer than this to another crowd it. */
const CROWD = 60;

/**
 * Places texts so that none covers another, an obstacle (all marks, named or not), or a leader line: beside its mark where that is free, else on rings of at
 * most `reach` pixels around it, with a leader line. `null` for a text that finds no place. Marks in the open are served first.
 */
export function placeLabels(
  marks: readonly Labelled[],
  obstacles: readonly { readonly x: number; readonly y: number }[],
  bounds: Box,
  reach: number,
): readonly (LabelPlace | null)[] {
  const page = new Page(obstacles, bounds);
  const places = new Array<LabelPlace | null>(marks.length).fill(null);
  const crowds = marks.map((mark) => crowdOf(mark, marks));
  const order = marks
    .map((_, index) => index)
    .sort((a, b) => countAt(crowds, a) - countAt(crowds, b) || a - b);
  for (const index of order) {
    const [mark, crowd] = [marks[index], crowds[index]];
    if (mark && crowd) places[index] = page.place(mark, crowd.away, reach);
  }
  return places;
}

interface Crowd {
  readonly count: number;
  /** Direction away from the marks around, in radians. */
  readonly away: number;
}

function crowdOf({ x, y }: Labelled, marks: readonly Labelled[]): Crowd {
  const near = marks.filter((other) => Math.hypot(other.x - x, other.y - y) < CROWD);
  const [sumX, sumY] = near.reduce(([ax, ay], other) => [ax + x - other.x, ay + y - other.y], [0, 0]);
  return { count: near.length, away: sumX === 0 && sumY === 0 ? 0 : Math.atan2(sumY, sumX) };
}

function countAt(crowds: readonly Crowd[], index: number): number {
  return crowds[index]?.count ?? 0;
}

interface Line {
  readonly from: { readonly x: number; readonly y: number };
  readonly to: { readonly x: number; readonly y: number };
}

/** What already stands in a plot. */
class Page {
  private readonly boxes: Box[] = [];
  private readonly leaders: Line[] = [];
  private readonly marks: readonly Box[];
  private readonly diagonal: number;

  constructor(
    marks: readonly { readonly x: number; readonly y: number }[],
    private readonly bounds: Box,
  ) {
    this.marks = marks.map(({ x, y }) => boxAround(x, y, 2 * MARK, 2 * MARK));
    this.diagonal = Math.hypot(bounds.right - bounds.left, bounds.bottom - bounds.top);
  }

  place(mark: Labelled, away: number, reach: number): LabelPlace | null {
    for (const box of besides(mark)) {
      if (this.isFree(box)) return this.take({ box, leader: null }, mark);
    }
    for (let radius = 2 * RING_STEP; radius <= Math.min(reach, this.diagonal); radius += RING_STEP) {
      for (let turn = 0; turn < ANGLES; turn++) {
        // Away from the crowd first, then to both sides of that in turn.
        const angle = away + (Math.ceil(turn / 2) * (turn % 2 === 0 ? 1 : -1) * 2 * Math.PI) / ANGLES;
        const place = ringPlace(mark, radius, angle);
        if (this.isFree(place.box) && this.isClear({ from: mark, to: place.leader })) {
          return this.take(place, mark);
        }
      }
    }
    return null;
  }

  private isFree(box: Box): boolean {
    const { bounds } = this;
    if (box.left < bounds.left || box.right > bounds.right) return false;
    if (box.top < bounds.top || box.bottom > bounds.bottom) return false;
    return (
      !this.boxes.some((other) => overlap(box, other)) &&
      !this.marks.some((other) => overlap(box, other)) &&
      !this.leaders.some((line) => crosses(line, box))
    );
  }

  /** Whether a leader line runs over no text. */
  private isClear(line: Line): boolean {
    return !this.boxes.some((box) => crosses(line, box));
  }

  private take(place: LabelPlace, mark: Labelled): LabelPlace {
    this.boxes.push(place.box);
    if (place.leader) this.leaders.push({ from: mark, to: place.leader });
    return place;
  }
}

/** Right, left, above, below. */
function besides({ x, y, width }: Labelled): Box[] {
  const [aside, apart] = [MARK + 2 + width / 2, MARK + LABEL_HEIGHT / 2];
  const at = (dx: number, dy: number) => boxAround(x + dx, y + dy, width, LABEL_HEIGHT);
  return [at(aside, 0), at(-aside, 0), at(0, -apart), at(0, apart)];
}

/** A text whose nearest border stands `radius` pixels from the mark. */
function ringPlace(
  { x, y, width }: Labelled,
  radius: number,
  angle: number,
): { readonly box: Box; readonly leader: { readonly x: number; readonly y: number } } {
  const [toX, toY] = [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  const side = Math.abs(Math.cos(angle)) < 0.3 ? 0 : Math.sign(Math.cos(angle));
  const middleX = toX + (side * width) / 2;
  const middleY = side === 0 ? toY + (Math.sign(Math.sin(angle)) * LABEL_HEIGHT) / 2 : toY;
  return { box: boxAround(middleX, middleY, width, LABEL_HEIGHT), leader: { x: toX, y: toY } };
}

function boxAround(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

/** Whether two boxes share more than a border. */
export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Whether a line runs through the inside of a box (Liang, Barsky 1984: clips it to the box and sees what is left). */
function crosses({ from, to }: Line, box: Box): boolean {
  let [enter, leave] = [0, 1];
  const borders = [
    [from.x - to.x, from.x - box.left],
    [to.x - from.x, box.right - from.x],
    [from.y - to.y, from.y - box.top],
    [to.y - from.y, box.bottom - from.y],
  ] as const;
  for (const [step, room] of borders) {
    if (step === 0) {
      if (room <= 0) return false;
    } else if (step < 0) enter = Math.max(enter, room / step);
    else leave = Math.min(leave, room / step);
  }
  return enter < leave;
}
