import type { EndingTable } from './endings';
import type { Layout, ModuleKey } from './family';

/** What the name of a tensor in an adapter says. */
export type TensorKey =
  | { readonly kind: 'part'; readonly key: ModuleKey; readonly part: string; readonly layout: Layout }
  /** A parameter of the base that was trained and saved whole, by its name there. */
  | { readonly kind: 'saved'; readonly tensor: string };

/** Wrappers of training frameworks, wherever they stand in a name. */
const WRAPPERS = /(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\./g;
const PEFT_PREFIX = /^(?:module\.)*(?:base_model\.model\.|base_model\.)+/;
const SAVED_WHOLE = /^(.+)\.(?:modules_to_save|ln_tuning_layers)(?:\.[^.]+)?\.([^.]+)$/;

/** A parameter of the base that PEFT saved under its own name: a bias, or a module that was trained whole. */
const SAVED_PARAMETER = /\..*(?:weight|bias)$/;

/** What a name has at least one of that is read by anything but its ending: the expressions here ask for these words. */
const SPECIAL =
  /_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module|module\.|base_model|modules_to_save|ln_tuning_layers|_lora\.|base_layer|loras\.|:|^w_/;

/** Lists without names: cloneofsimo's `text_encoder:0:up`, LoRA-SAM's `w_a_000.weight`. */
const LIST_ITEM = /^(\w+):(\d+):(up|down)$/;
const SAM_ITEM = /^w_([ab])_(\d+)(?:\.weight)?$/;

/** diffusers before 0.22: factors belong to the attention processor, not to the layer. */
const PROCESSOR = /\.(?:processor\.)?to_(q|k|v|out)_lora\.(down|up)\.weight$/;

/** Parts of a pipeline as kohya writes them before its flattened names, and as diffusers and ComfyUI do before dotted ones. */
const FLATTENED = /^(?:lora|lycoris|oft|boft)_(unet|te\d?|transformer|prior_unet|prior|vae)_/;
const DOTTED = /^(unet|text_encoder(?:_[23])?|diffusion_model|prior|vae)\./;
const COMPONENTS: Readonly<Record<string, string>> = {
  te: 'text_encoder',
  te1: 'text_encoder',
  te2: 'text_encoder_2',
  te3: 'text_encoder_3',
  diffusion_model: 'unet',
  transformer: 'unet',
};

/**
 * Reads the name of a tensor of an adapter in any naming; `null` where it is none. Wrappers' prefixes (`module.`,
 * `base_model.model.`, `_orig_mod.`) are taken off, and so is the name of the part of a pipeline, which goes into the key.
 */
export function parseTensorKey(name: string, table: EndingTable): TensorKey | null {
  if (!SPECIAL.test(name)) {
    // Nearly every tensor of a whole model, of which there may be 200,000.
    const ending = table.find(name);
    if (!ending || (ending.ending.flattened && ending.module.includes('.'))) return null;
  }
  const unwrapped = name.replace(WRAPPERS, '');
  const bare = unwrapped.replace(PEFT_PREFIX, '').replace(/^module\./, '');
  const item = listItem(bare);
  if (item) return item;
  const found = table.find(renamedProcessor(bare));
  const key = found && moduleKey(withoutWrapper(found.module));
  if (found && key && !(found.ending.flattened && key.style !== 'flattened')) {
    const { part, layout } = found.ending;
    // kohya's endings after dotted names are written by trainers for ComfyUI and diffusers.
    const named = layout === 'kohya' && key.style === 'dotted' ? 'diffusers' : layout;
    return {
      kind: 'part',
      key,
      part,
      layout: key.component !== '' && named === 'PEFT' ? 'diffusers' : named,
    };
  }
  const saved = SAVED_WHOLE.exec(bare);
  if (saved) return { kind: 'saved', tensor: `${withoutWrapper(saved[1])}.${saved[2] ?? ''}` };
  if (!PEFT_PREFIX.test(unwrapped) || !SAVED_PARAMETER.test(bare) || /\.base_layer\./.test(bare)) return null;
  return { kind: 'saved', tensor: bare };
}

/** Without what PEFT and AdapterHub (`loras.NAME`) put between a layer and its factors. */
function withoutWrapper(module = ''): string {
  return module.replace(/\.(?:base_layer|loras\.[^.]+)$/, '');
}

function listItem(name: string): TensorKey | null {
  const item = LIST_ITEM.exec(name);
  if (item) {
    const [, component = '', module = '', side] = item;
    const key: ModuleKey = { module, style: 'anonymous', component };
    return { kind: 'part', key, part: side === 'down' ? 'a' : 'b', layout: 'cloneofsimo' };
  }
  const sam = SAM_ITEM.exec(name);
  if (!sam) return null;
  const [, part = '', module = ''] = sam;
  return { kind: 'part', key: { module, style: 'anonymous', component: '' }, part, layout: 'LoRA-SAM' };
}

/** `attn1.processor.to_q_lora.down.weight` → `attn1.to_q.lora.down.weight`; a text encoder calls it `q_proj`. */
function renamedProcessor(name: string): string {
  return name.replace(PROCESSOR, (_, which: string, side: string) => {
    const inText = /(?:^|\.)self_attn\./.test(name);
    const layer = inText ? `${which}_proj` : which === 'out' ? 'to_out.0' : `to_${which}`;
    return `.${layer}.lora.${side}.weight`;
  });
}

function moduleKey(module: string): ModuleKey {
  const flat = module.includes('.') ? null : FLATTENED.exec(module);
  if (flat)
    return { module: module.slice(flat[0].length), style: 'flattened', component: componentOf(flat[1]) };
  if (/^lycoris_/.test(module) && !module.includes('.'))
    return { module: module.slice('lycoris_'.length), style: 'flattened', component: '' };
  const dotted = DOTTED.exec(module);
  if (!dotted) return { module, style: 'dotted', component: '' };
  return { module: module.slice(dotted[0].length), style: 'dotted', component: componentOf(dotted[1]) };
}

function componentOf(written = ''): string {
  return COMPONENTS[written] ?? written;
}
