// A dialect's own functions, by the name that spellings call them: a kernel's text holds those it uses, and no others.

/** What a text names of a table of declarations, and what these name, in the order of the table. */
export function usedDeclarations(table: Readonly<Record<string, string>>, text: string): ReadonlyMap<string, string> {
  const used = new Set<string>();
  const search = (user: string) => {
    for (const [name, declaration] of Object.entries(table)) {
      if (used.has(name) || !new RegExp(`\\b${name}\\b`).test(user)) continue;
      used.add(name);
      search(declaration);
    }
  };
  search(text);
  return new Map(Object.entries(table).filter(([name]) => used.has(name)));
}
