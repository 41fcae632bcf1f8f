/** Vite's import of a file as text. */
declare module "*.opt?raw" {
  const text: string;
  export default text;
}
