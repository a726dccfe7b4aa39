declare module "ssrfcheck/tests/data/*" {
  const urls: readonly string[];
  export default urls;
}
