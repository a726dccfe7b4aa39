/** Optional bindings, which `wrangler types` cannot know of. */
interface Env {
  readonly SLUICE_ENCRYPTION_KEY_PREVIOUS?: string;
}
