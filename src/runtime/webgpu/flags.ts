// WebGPU's bit flags by their values in the specification: Dawn in Node has no globals of these names unless somebody installs them.

export const BufferUsage = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, STORAGE: 0x80 } as const;
export const MAP_READ = 0x1;
export const STAGE_COMPUTE = 0x4;
