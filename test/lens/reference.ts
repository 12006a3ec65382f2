// Compares lenses with the float64 reference values, whichever collection they are of.
import assert from 'node:assert/strict';
import { agree, only, type Ran, type Row } from './run';

type Numbers = Readonly<Record<string, number | null>>;

/** `stats.json`: checkpoint → tensor → figures. */
export type StatsReference = Readonly<Record<string, Readonly<Record<string, Numbers>>>>;

interface TaskVectorEntry {
  readonly base_norm: number;
  readonly norm: Numbers;
  readonly relative_norm: Numbers;
  readonly cos_base_ft: Numbers;
  readonly identical_share: Numbers;
  readonly cos: readonly (readonly (number | null)[])[];
  readonly sign_conflict: readonly (readonly (number | null)[])[];
  /** Of all tasks of the larger collection only. */
  readonly sign_conflict_any?: number | null;
}

/** `taskvectors.json`. */
export interface TaskVectorReference {
  readonly tasks: readonly string[];
  readonly tensors: Readonly<Record<string, TaskVectorEntry>>;
  readonly layers: Readonly<Record<string, TaskVectorEntry>>;
  readonly all: TaskVectorEntry;
}

interface GradientsEntry {
  readonly norm: Readonly<Record<string, number>>;
  readonly cos: readonly (readonly (number | null)[])[];
  /** Row: the task whose cross-entropy is differentiated; column: the task vector. */
  readonly grad_dot_tau: readonly (readonly number[])[];
}

/** `gradients.json`: mean gradients of the cross-entropy at the base, over all validation images of each task. */
export interface GradientsReference {
  readonly tasks: readonly string[];
  readonly tensors: Readonly<Record<string, GradientsEntry>>;
  readonly layers: Readonly<Record<string, GradientsEntry>>;
  readonly all: GradientsEntry;
}

/** `lora.json`. */
export interface LoraReference {
  readonly adapters: readonly string[];
  readonly spectra: Readonly<
    Record<
      string,
      {
        readonly modules: Readonly<
          Record<
            string,
            { readonly norm: number; readonly relative_norm: number; readonly cos_with_full_finetune: number }
          >
        >;
      }
    >
  >;
  readonly cos_all: readonly (readonly number[])[];
  readonly cos: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** `tall.json`: one λ. */
export interface TallReference {
  readonly tasks: readonly string[];
  readonly density: Readonly<Record<string, Numbers>>;
  readonly density_all: Numbers;
  readonly iou: readonly (readonly number[])[];
  readonly count_histogram: readonly number[];
  readonly reconstruction_error: Numbers;
}

/** `breadcrumbs.json`: parameters → task. */
export type BreadcrumbsReference = Readonly<
  Record<
    string,
    Readonly<
      Record<
        string,
        {
          readonly density: Numbers;
          readonly energy: Numbers;
          readonly density_all: number;
          readonly energy_all: number;
        }
      >
    >
  >
>;

const STATISTICS = {
  count: 'n',
  min: 'min',
  max: 'max',
  mean: 'mean',
  std: 'std',
  l1: 'l1',
  l2: 'l2',
  absmax: 'absmax',
  zeros: 'zeros',
};

/** Every figure of every floating-point tensor that the reference knows. */
export function agreeWithStats(
  ran: Ran,
  checkpoint: string,
  reference: Readonly<Record<string, Numbers>>,
): void {
  const rows = new Map(
    ran
      .table('tensors')
      .filter((row) => row['checkpoint'] === checkpoint)
      .map((row) => [row['tensor'], row]),
  );
  assert.ok(Object.keys(reference).length > 0);
  for (const [tensor, figures] of Object.entries(reference)) {
    for (const [column, key] of Object.entries(STATISTICS)) {
      agree(rows.get(tensor)?.[column], figures[key] ?? null, `${checkpoint} ${tensor} ${column}`);
    }
    assert.deepEqual([rows.get(tensor)?.['nan'], rows.get(tensor)?.['inf']], [0, 0]);
  }
}

/** Per tensor, per layer and in all. */
export function agreeWithTaskVectors(ran: Ran, reference: TaskVectorReference): void {
  const tensors = ran.table('tensors');
  const layers = ran.table('layers');
  assert.equal(tensors.length, Object.keys(reference.tensors).length * reference.tasks.length);
  const check = (row: Row | undefined, entry: TaskVectorEntry, task: string, what: string) => {
    agree(row?.['norm_base'], entry.base_norm, `${what} norm_base`);
    agree(row?.['norm'], entry.norm[task] ?? null, `${what} norm`);
    agree(row?.['relative'], entry.relative_norm[task] ?? null, `${what} relative`);
    agree(row?.['cosine'], entry.cos_base_ft[task] ?? null, `${what} cosine`);
    agree(row?.['identical_share'], entry.identical_share[task] ?? null, `${what} identical_share`);
  };
  for (const task of reference.tasks) {
    const own = new Map(tensors.filter((row) => row['task'] === task).map((row) => [row['tensor'], row]));
    for (const [tensor, entry] of Object.entries(reference.tensors)) {
      check(own.get(tensor), entry, task, `${task} ${tensor}`);
    }
    for (const [layer, entry] of Object.entries(reference.layers)) {
      check(only(layers, { task, layer }), entry, task, `${task} ${layer}`);
    }
    check(only(layers, { task, layer: 'all' }), reference.all, task, `${task} all`);
  }
}

/** cos(τᵢ, τⱼ) of every pair in every scope. */
export function agreeWithCosines(ran: Ran, { tasks, tensors, layers, all }: TaskVectorReference): void {
  const found = new Map(
    ran.table('pairs').map((row) => [`${String(row['scope'])} ${String(row['a'])} ${String(row['b'])}`, row]),
  );
  const scopes = { all, ...layers, ...tensors };
  assert.equal(found.size, (Object.keys(scopes).length * tasks.length * (tasks.length - 1)) / 2);
  for (const [scope, { cos }] of Object.entries(scopes)) {
    for (const [i, a] of tasks.entries()) {
      for (const [j, b] of tasks.entries()) {
        if (j <= i) continue;
        const what = `${scope} ${a} ${b}`;
        agree(found.get(what)?.['cosine'], cos[i]?.[j] ?? null, what);
      }
    }
  }
}

/** Opposing signs of every pair, and of any, in every scope. */
export function agreeWithSignConflicts(ran: Ran, { tasks, tensors, layers, all }: TaskVectorReference): void {
  const found = new Map(
    ran.table('pairs').map((row) => [`${String(row['scope'])} ${String(row['a'])} ${String(row['b'])}`, row]),
  );
  const over = new Map(ran.table('scopes').map((row) => [row['scope'], row]));
  const scopes = { all, ...layers, ...tensors };
  assert.equal(found.size, (Object.keys(scopes).length * tasks.length * (tasks.length - 1)) / 2);
  assert.equal(over.size, Object.keys(scopes).length);
  for (const [scope, { sign_conflict, sign_conflict_any }] of Object.entries(scopes)) {
    if (sign_conflict_any !== undefined) agree(over.get(scope)?.['conflict_any'], sign_conflict_any, scope);
    for (const [i, a] of tasks.entries()) {
      for (const [j, b] of tasks.entries()) {
        if (j <= i) continue;
        const what = `${scope} ${a} ${b}`;
        agree(found.get(what)?.['conflict'], sign_conflict[i]?.[j] ?? null, what);
      }
    }
  }
}

/** ‖sBA‖ and its relation to the base, per module. */
export function agreeWithLora(ran: Ran, adapter: string, reference: LoraReference): void {
  const modules = Object.entries(reference.spectra[adapter]?.modules ?? {});
  assert.ok(modules.length > 0);
  for (const [module, entry] of modules) {
    const row = only(ran.table('tensors'), { task: adapter, tensor: `${module}.weight` });
    agree(row['norm'], entry.norm, `${adapter} ${module} norm`);
    agree(row['relative'], entry.relative_norm, `${adapter} ${module} relative`);
  }
}

/** Cosine of an adapter's task vector with that of the full fine-tune, per module. */
export function agreeWithFullFineTune(
  ran: Ran,
  adapter: string,
  fineTune: string,
  reference: LoraReference,
): void {
  const modules = Object.entries(reference.spectra[adapter]?.modules ?? {});
  assert.ok(modules.length > 0);
  for (const [module, entry] of modules) {
    const row = only(ran.table('pairs'), { scope: `${module}.weight`, a: fineTune, b: adapter });
    agree(row['cosine'], entry.cos_with_full_finetune, `${adapter} ${module}`);
  }
}

/** Cosines among adapters, per module and over all of them. */
export function agreeAmongAdapters(ran: Ran, { adapters, cos, cos_all }: LoraReference): void {
  const pairs = ran.table('pairs');
  const scopes: Readonly<Record<string, readonly (readonly number[])[]>> = { all: cos_all };
  const modules = Object.entries(cos).map(([module, values]) => [`${module}.weight`, values] as const);
  for (const [scope, values] of [...Object.entries(scopes), ...modules]) {
    for (const [i, a] of adapters.entries()) {
      for (const [j, b] of adapters.entries()) {
        if (j <= i) continue;
        agree(only(pairs, { scope, a, b })['cosine'], values[i]?.[j] ?? null, `${scope} ${a} ${b}`);
      }
    }
  }
}

/** Density, overlap, histogram and reconstruction of TALL masks. */
export function agreeWithTall(ran: Ran, reference: TallReference): void {
  const found = new Map(
    ran.table('density').map((row) => [`${String(row['task'])} ${String(row['scope'])}`, row['density']]),
  );
  for (const [scope, densities] of Object.entries({ ...reference.density, all: reference.density_all })) {
    for (const task of reference.tasks) {
      agree(found.get(`${task} ${scope}`), densities[task] ?? null, `${task} ${scope}`);
    }
  }
  for (const [i, a] of reference.tasks.entries()) {
    for (const [j, b] of reference.tasks.entries()) {
      if (i === j) continue;
      const row = only(ran.table('overlap'), { a, b });
      agree(row['iou'], reference.iou[i]?.[j] ?? null, `${a} ${b}`);
    }
    const row = only(ran.table('reconstruction'), { task: a });
    agree(row['error'], reference.reconstruction_error[a] ?? null, a);
  }
  ran
    .table('histogram')
    .forEach((row, k) => agree(row['share'], reference.count_histogram[k] ?? null, `in ${String(k)} masks`));
}

/** Density and energy of bands, per tensor and in all. */
export function agreeWithBreadcrumbs(ran: Ran, reference: BreadcrumbsReference[string]): void {
  const found = new Map(
    ran.table('bands').map((row) => [`${String(row['task'])} ${String(row['tensor'])}`, row]),
  );
  for (const [task, { density, energy, density_all, energy_all }] of Object.entries(reference)) {
    for (const [tensor, value] of Object.entries(density)) {
      const row = found.get(`${task} ${tensor}`);
      agree(row?.['density'], value, `density of ${task} ${tensor}`);
      agree(row?.['energy'], energy[tensor] ?? null, `energy of ${task} ${tensor}`);
    }
    const whole = only(ran.table('tasks'), { task });
    agree(whole['density'], density_all, `density of ${task}`);
    agree(whole['energy'], energy_all, `energy of ${task}`);
  }
}
