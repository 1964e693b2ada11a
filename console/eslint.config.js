import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["node_modules/", "src/api/schema.ts", "src/filter/language.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  { files: ["*.js", "*.ts"], languageOptions: { globals: globals.node } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"] } },
  },
  {
    rules: {
      complexity: ["error", 12],
      "no-console": "error",
      "no-undef": "off", // TypeScript knows
      "svelte/prefer-svelte-reactivity": "off", // what is large is not watched entry by entry
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
);
