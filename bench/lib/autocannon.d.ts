/** What the bench uses of a package that brings no types. */
declare module "autocannon" {
  interface Options {
    readonly url: string;
    readonly connections: number;
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly amount?: number;
    /** Seconds. */
    readonly duration?: number;
    /** Milliseconds between two samples; the end of a run is noticed at one. */
    readonly sampleInt?: number;
    readonly requests?: readonly { readonly setupRequest: (request: { headers?: object }) => object }[];
  }
  interface Outcome {
    readonly "2xx": number;
    readonly non2xx: number;
    readonly errors: number;
    readonly start: Date;
    readonly finish: Date;
    readonly latency: { readonly p50: number; readonly p99: number };
  }
  export default function autocannon(options: Options): Promise<Outcome>;
}
