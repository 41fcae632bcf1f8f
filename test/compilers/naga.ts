// What Naga, the WGSL compiler of wgpu, says of shaders; runs in Deno.

/** The shaders that Naga refuses, with its words. */
export async function nagaErrors(texts: readonly { path: string; content: string }[]): Promise<{ path: string; message: string }[]> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const errors: { path: string; message: string }[] = [];
  for (const { path, content } of texts) {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code: content });
    for (const [, entryPoint] of content.matchAll(/@compute[^\n]*\nfn (\w+)\(/g))
      device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: entryPoint! } });
    const error = await device.popErrorScope();
    if (error !== null) errors.push({ path, message: error.message });
  }
  return errors;
}
