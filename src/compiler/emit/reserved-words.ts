// Words that a spec's name may not become in generated code: keywords, reserved words, and what our frames use unprefixed.

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const typescript = words(`
  abstract any arguments as async await bigint boolean break case catch class const constructor continue debugger declare default delete do
  else enum eval export extends false finally for from function get if implements import in infer instanceof interface is keyof let module
  namespace never new null number object of package private protected public readonly require return satisfies set static string super
  switch symbol this throw true try type typeof undefined unique unknown using var void while with yield
  Array Error Float32Array Function Infinity JSON Map NaN Number Object Partial Promise ReadonlyMap Record String Symbol exports globalThis
`);

const wgsl = words(`
  alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop override requires
  return struct switch true var while
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class co_await co_return co_yield
  coherent column_major common compile compile_fragment concept const_cast consteval constexpr constinit crate debugger decltype delete
  demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough filter final finally friend from fxgroup
  get goto groupshared highp impl implements import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module
  move mut mutable namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of operator
  package packoffset partition pass patch pixelfragment precise precision premerge priv protected pub public readonly ref regardless
  register reinterpret_cast require resource restrict self set shared sizeof smooth snorm static static_assert static_cast std subroutine
  super target template this thread_local throw trait try type typedef typeid typename typeof union unless unorm unsafe unsized use using
  varying virtual volatile wgsl where with writeonly yield
  bool f16 f32 i32 u32 vec2 vec3 vec4 vec2f vec3f vec4f vec2i vec3i vec4i vec2u vec3u vec4u array atomic ptr sampler
  abs all any arrayLength bitcast ceil clamp floor fma max min pow round select sign sqrt trunc
`);

const cpp = words(`
  alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl concept const consteval
  constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do double dynamic_cast else enum explicit
  export extern false float for friend goto if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq
  private protected public register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch
  template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
  abs blockDim blockIdx ceil fabsf floor float4 gridDim half isfinite max min pow rsqrt sqrt threadIdx uint4 warpSize
`);

const python = words(`
  False None True and as assert async await break case class continue def del elif else except finally for from global if import in is
  lambda match nonlocal not or pass raise return self try type while with yield
`);

/** WAT's own names carry a `$`, so nothing is reserved. */
const wat: readonly string[] = [];

export const reservedWords = { typescript, wgsl, cpp, wat, python } as const satisfies Record<string, readonly string[]>;
export type NamedTarget = keyof typeof reservedWords;
