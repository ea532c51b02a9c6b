/** Stands in for what libraries could load and we never ask for: other highlighters, WebAssembly, ready-made themes, HTML in texts. */
function never(): never {
  throw new Error("This part is left out of the build.");
}

export const createOnigurumaEngine = never;
export const codeToTokens = never;
export const isSupportedLanguage = () => false;
export const LiveTokenizer = never;
export const harden = never;
export const defaultSchema = { attributes: {}, protocols: {}, tagNames: [] };
export const themes = { getTheme: () => undefined };
export const bundledLanguages = {};
export default never;
