/** A `.netrc` file: who signs in where. Reads what Python's `netrc` module reads, and refuses what it refuses. */
export interface NetrcEntry {
  login: string;
  password: string;
}

/** Entries by host, with `default` under that name. `undefined` when the file cannot be understood. */
export function parseNetrc(text: string): Map<string, NetrcEntry> | undefined {
  const lexer = openLexer(text.replaceAll("\r\n", "\n"));
  const hosts = new Map<string, NetrcEntry>();
  for (;;) {
    const line = lexer.line;
    const token = lexer.next();
    if (token === "") return hosts;
    if (token.startsWith("#")) {
      if (lexer.line === line) lexer.skipLine();
      continue;
    }
    if (token === "macdef") {
      lexer.next();
      if (!lexer.skipMacro()) return undefined;
      continue;
    }
    const name = token === "default" ? token : token === "machine" ? lexer.next() : "";
    if (name === "") return undefined;
    const entry = readEntry(lexer);
    if (entry === undefined) return undefined;
    hosts.set(name, entry);
  }
}

function readEntry(lexer: Lexer): NetrcEntry | undefined {
  const entry: NetrcEntry = { login: "", password: "" };
  for (;;) {
    const line = lexer.line;
    const token = lexer.next();
    if (token.startsWith("#")) {
      if (lexer.line === line) lexer.skipLine();
    } else if (token === "" || token === "machine" || token === "default" || token === "macdef") {
      lexer.pushBack(token);
      return entry;
    } else if (token === "login" || token === "user") {
      entry.login = lexer.next();
    } else if (token === "password") {
      entry.password = lexer.next();
    } else if (token === "account") {
      lexer.next();
    } else {
      return undefined;
    }
  }
}

interface Lexer {
  /** Lines that were read to their end. */
  readonly line: number;
  /** The next word, quotes and backslashes resolved; empty at the end. */
  next(): string;
  pushBack(token: string): void;
  skipLine(): void;
  /** Past the empty line that ends a macro; false when there is none. */
  skipMacro(): boolean;
}

function openLexer(text: string): Lexer {
  let at = 0;
  let line = 1;
  let pushed: string | undefined;
  const read = () => {
    const character = text[at] ?? "";
    if (character === "\n") line += 1;
    at += 1;
    return character;
  };
  const isSpace = (character: string) => "\n\t\r ".includes(character);
  const word = (): string => {
    let token = "";
    for (let character = read(); character !== ""; character = read()) {
      if (isSpace(character)) {
        if (token !== "") return token;
        continue;
      }
      if (character === '"' && token === "") return quoted();
      token += character === "\\" ? read() : character;
      // The first character decides; a quote within a word stands for itself.
      for (character = read(); character !== "" && !isSpace(character); character = read()) {
        token += character === "\\" ? read() : character;
      }
      return token;
    }
    return token;
  };
  const quoted = (): string => {
    let token = "";
    for (let character = read(); character !== "" && character !== '"'; character = read()) {
      token += character === "\\" ? read() : character;
    }
    return token;
  };
  const readLine = (): string => {
    const end = text.indexOf("\n", at);
    const whole = text.slice(at, end < 0 ? text.length : end + 1);
    at += whole.length;
    if (end >= 0) line += 1;
    return whole;
  };
  return {
    get line() {
      return line;
    },
    next() {
      const token = pushed ?? word();
      pushed = undefined;
      return token;
    },
    pushBack(token) {
      pushed = token;
    },
    skipLine: () => void readLine(),
    skipMacro() {
      for (;;) {
        const whole = readLine();
        if (whole === "") return false;
        if (whole === "\n") return true;
      }
    },
  };
}
