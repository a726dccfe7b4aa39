/** Of the gateway, as in package.json; subscribers see it in `user-agent`. */
export const VERSION = "0.1.0";
