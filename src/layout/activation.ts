/**
 * Activation scripts put an environment's commands first on the PATH of a shell, and take them away again. They find the
 * environment by their own place, so that they name the project's `.venv` when they are reached through it; a shell that
 * cannot say where a sourced file is gets the prefix itself.
 */

/** Names and texts for the scripts folder. `prompt`: absent, the name of the folder that holds `.venv`. */
export function activationScripts(
  prefix: string,
  scripts: string,
  prompt?: string,
  windows = process.platform === "win32",
): [string, string][] {
  const fill = (template: string, quote: (text: string) => string) =>
    template
      .replaceAll("@PREFIX@", () => quote(prefix))
      .replaceAll("@SCRIPTS@", () => scripts)
      .replaceAll("@PROMPT@", () => quote(prompt ?? ""));
  const everywhere: [string, string][] = [
    ["activate", fill(POSIX, singleQuoted)],
    ["activate.fish", fill(FISH, fishQuoted)],
    ["activate.csh", fill(CSH, cshQuoted)],
    ["Activate.ps1", fill(POWERSHELL, doubledQuotes)],
    ["activate.nu", fill(NUSHELL, nuQuoted)],
  ];
  if (!windows) return everywhere;
  return [
    ...everywhere,
    ["activate.bat", fill(BATCH, plain).replaceAll("\n", "\r\n")],
    ["deactivate.bat", BATCH_OFF.replaceAll("\n", "\r\n")],
  ];
}

const singleQuoted = (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`;
const fishQuoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const cshQuoted = (text: string) => `'${text.replaceAll("'", `'"'"'`).replaceAll("!", "\\!")}'`;
const doubledQuotes = (text: string) => `'${text.replaceAll("'", "''")}'`;
const nuQuoted = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const plain = (text: string) => text.replaceAll("%", "%%");

const POSIX = `# Source this file from bash, zsh or another POSIX shell: \`. .venv/bin/activate\`. Undo it with \`deactivate\`.

deactivate () {
    if [ -n "\${_OLD_VIRTUAL_PATH+set}" ]; then
        PATH="$_OLD_VIRTUAL_PATH"
        export PATH
        unset _OLD_VIRTUAL_PATH
    fi
    if [ -n "\${_OLD_VIRTUAL_PYTHONHOME+set}" ]; then
        PYTHONHOME="$_OLD_VIRTUAL_PYTHONHOME"
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    if [ -n "\${_OLD_VIRTUAL_PS1+set}" ]; then
        PS1="$_OLD_VIRTUAL_PS1"
        export PS1
        unset _OLD_VIRTUAL_PS1
    fi
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    # Shells remember where commands were.
    hash -r 2>/dev/null || true
    if [ "\${1-}" != keep ]; then
        unset -f deactivate
    fi
}

# Another environment may be active.
deactivate keep

_dx_py_script=
if [ -n "\${BASH_VERSION-}" ]; then
    _dx_py_script="\${BASH_SOURCE[0]}"
elif [ -n "\${ZSH_VERSION-}" ]; then
    eval '_dx_py_script="\${(%):-%x}"'
elif [ -n "\${KSH_VERSION-}" ]; then
    eval '_dx_py_script="\${.sh.file}"' 2>/dev/null || true
fi
VIRTUAL_ENV=
if [ -n "$_dx_py_script" ] && [ -f "$_dx_py_script" ]; then
    # Logical, so that a link named .venv keeps its name.
    VIRTUAL_ENV="$(CDPATH= cd -L -- "$(dirname -- "$_dx_py_script")/.." >/dev/null 2>&1 && pwd -L)"
fi
if [ -z "$VIRTUAL_ENV" ]; then
    VIRTUAL_ENV=@PREFIX@
fi
unset _dx_py_script
case "\${OSTYPE-}" in
    cygwin | msys) VIRTUAL_ENV="$(cygpath -u "$VIRTUAL_ENV" 2>/dev/null || printf '%s' "$VIRTUAL_ENV")" ;;
esac
export VIRTUAL_ENV

_OLD_VIRTUAL_PATH="$PATH"
PATH="$VIRTUAL_ENV/@SCRIPTS@:$PATH"
export PATH

if [ -n "\${PYTHONHOME+set}" ]; then
    _OLD_VIRTUAL_PYTHONHOME="$PYTHONHOME"
    unset PYTHONHOME
fi

VIRTUAL_ENV_PROMPT=@PROMPT@
if [ -z "$VIRTUAL_ENV_PROMPT" ]; then
    case "$VIRTUAL_ENV" in
        */.venv) VIRTUAL_ENV_PROMPT="$(basename -- "$(dirname -- "$VIRTUAL_ENV")")" ;;
        */layouts/*) VIRTUAL_ENV_PROMPT=dx-py ;;
        *) VIRTUAL_ENV_PROMPT="$(basename -- "$VIRTUAL_ENV")" ;;
    esac
fi
export VIRTUAL_ENV_PROMPT
if [ -z "\${VIRTUAL_ENV_DISABLE_PROMPT-}" ]; then
    _OLD_VIRTUAL_PS1="\${PS1-}"
    PS1="($VIRTUAL_ENV_PROMPT) \${PS1-}"
    export PS1
fi
hash -r 2>/dev/null || true
`;

const FISH = `# Source this file from fish: \`source .venv/bin/activate.fish\`. Undo it with \`deactivate\`.

function deactivate -d "Leave the Python environment"
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if functions -q _dx_py_fish_prompt
        functions -e fish_prompt
        functions -c _dx_py_fish_prompt fish_prompt
        functions -e _dx_py_fish_prompt
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != keep
        functions -e deactivate
    end
end

# Another environment may be active.
deactivate keep

# By names alone, so that a link named .venv keeps its own.
set -l _dx_py_script (status filename)
set -gx VIRTUAL_ENV
if test -f "$_dx_py_script"
    string match -q '/*' -- $_dx_py_script; or set _dx_py_script $PWD/$_dx_py_script
    builtin -q path; and set _dx_py_script (path normalize -- $_dx_py_script)
    set -gx VIRTUAL_ENV (dirname -- (dirname -- $_dx_py_script))
end
if test -z "$VIRTUAL_ENV"
    set -gx VIRTUAL_ENV @PREFIX@
end

set -gx _OLD_VIRTUAL_PATH $PATH
set -gx PATH $VIRTUAL_ENV/@SCRIPTS@ $PATH

if set -q PYTHONHOME
    set -gx _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

set -gx VIRTUAL_ENV_PROMPT @PROMPT@
if test -z "$VIRTUAL_ENV_PROMPT"
    switch $VIRTUAL_ENV
        case '*/.venv'
            set -gx VIRTUAL_ENV_PROMPT (basename (dirname $VIRTUAL_ENV))
        case '*/layouts/*'
            set -gx VIRTUAL_ENV_PROMPT dx-py
        case '*'
            set -gx VIRTUAL_ENV_PROMPT (basename $VIRTUAL_ENV)
    end
end
if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _dx_py_fish_prompt
    function fish_prompt
        set -l last_status $status
        printf '(%s) ' $VIRTUAL_ENV_PROMPT
        # The old prompt may show the status of the last command.
        sh -c "exit $last_status"
        _dx_py_fish_prompt
    end
end
`;

const CSH = `# Source this file from csh or tcsh: \`source .venv/bin/activate.csh\`. Undo it with \`deactivate\`.

alias deactivate 'test $?_OLD_VIRTUAL_PATH != 0 && setenv PATH "$_OLD_VIRTUAL_PATH:q" && unset _OLD_VIRTUAL_PATH; rehash; test $?_OLD_VIRTUAL_PROMPT != 0 && set prompt="$_OLD_VIRTUAL_PROMPT:q" && unset _OLD_VIRTUAL_PROMPT; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; test "\\!:*" != "keep" && unalias deactivate'

# Another environment may be active.
deactivate keep

# An interactive csh knows the line that sourced this file; a script does not, and gets the prefix itself.
set _dx_py_line = ($_)
setenv VIRTUAL_ENV @PREFIX@
if ( $#_dx_py_line > 1 ) then
    if ( -f "$_dx_py_line[2]:q" ) then
        set _dx_py_bin = "$_dx_py_line[2]:h:q"
        if ( "$_dx_py_bin:q" == "$_dx_py_line[2]:q" ) set _dx_py_bin = .
        if ( "$_dx_py_bin:t" == "@SCRIPTS@" && "$_dx_py_bin:h" != "$_dx_py_bin" ) then
            set _dx_py_top = "$_dx_py_bin:h:q"
            if ( "$_dx_py_top:q" !~ /* ) set _dx_py_top = "$cwd:q/$_dx_py_top:q"
            setenv VIRTUAL_ENV "$_dx_py_top:q"
            unset _dx_py_top
        endif
        unset _dx_py_bin
    endif
endif
unset _dx_py_line

set _OLD_VIRTUAL_PATH="$PATH:q"
setenv PATH "$VIRTUAL_ENV:q/@SCRIPTS@:$PATH:q"

setenv VIRTUAL_ENV_PROMPT @PROMPT@
if ( "$VIRTUAL_ENV_PROMPT" == "" ) then
    if ( "$VIRTUAL_ENV:t" == ".venv" ) then
        set _dx_py_project = "$VIRTUAL_ENV:h:q"
        setenv VIRTUAL_ENV_PROMPT "$_dx_py_project:t:q"
        unset _dx_py_project
    else
        setenv VIRTUAL_ENV_PROMPT dx-py
    endif
endif
if ( ! $?VIRTUAL_ENV_DISABLE_PROMPT ) then
    # There is no prompt in a script.
    if ( $?prompt ) then
        set _OLD_VIRTUAL_PROMPT="$prompt:q"
        set prompt = "($VIRTUAL_ENV_PROMPT:q) $prompt:q"
    endif
endif
rehash
`;

const POWERSHELL = `# Run this file from PowerShell: \`.venv/bin/Activate.ps1\`. Undo it with \`deactivate\`.

function global:deactivate([switch] $Keep) {
    if (Test-Path variable:global:_OLD_VIRTUAL_PATH) {
        $env:PATH = $global:_OLD_VIRTUAL_PATH
        Remove-Variable _OLD_VIRTUAL_PATH -Scope global
    }
    if (Test-Path variable:global:_OLD_VIRTUAL_PYTHONHOME) {
        $env:PYTHONHOME = $global:_OLD_VIRTUAL_PYTHONHOME
        Remove-Variable _OLD_VIRTUAL_PYTHONHOME -Scope global
    }
    if (Test-Path function:global:_dx_py_old_prompt) {
        $function:global:prompt = $function:global:_dx_py_old_prompt
        Remove-Item function:global:_dx_py_old_prompt
    }
    Remove-Item env:VIRTUAL_ENV -ErrorAction SilentlyContinue
    Remove-Item env:VIRTUAL_ENV_PROMPT -ErrorAction SilentlyContinue
    if (-not $Keep) {
        Remove-Item function:global:deactivate
    }
}

# Another environment may be active.
deactivate -Keep

$env:VIRTUAL_ENV = Split-Path -Parent (Split-Path -Parent $MyInvocation.MyCommand.Path)
$env:VIRTUAL_ENV_PROMPT = @PROMPT@
if (-not $env:VIRTUAL_ENV_PROMPT) {
    $leaf = Split-Path -Leaf $env:VIRTUAL_ENV
    $folder = Split-Path -Parent $env:VIRTUAL_ENV
    if ($leaf -eq '.venv') { $leaf = Split-Path -Leaf $folder }
    elseif ((Split-Path -Leaf $folder) -eq 'layouts') { $leaf = 'dx-py' }
    $env:VIRTUAL_ENV_PROMPT = $leaf
}

$global:_OLD_VIRTUAL_PATH = $env:PATH
$env:PATH = (Join-Path $env:VIRTUAL_ENV '@SCRIPTS@') + [IO.Path]::PathSeparator + $env:PATH
if (Test-Path env:PYTHONHOME) {
    $global:_OLD_VIRTUAL_PYTHONHOME = $env:PYTHONHOME
    Remove-Item env:PYTHONHOME
}

if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    $function:global:_dx_py_old_prompt = $function:prompt
    function global:prompt {
        "($env:VIRTUAL_ENV_PROMPT) " + (_dx_py_old_prompt)
    }
}
`;

const NUSHELL = `# Use this file from Nushell: \`overlay use .venv/bin/activate.nu\`. Undo it with \`deactivate\`.

export-env {
    const script = path self
    let scripts = ($script | path dirname)
    let virtual_env = ($scripts | path dirname)
    let name = ($virtual_env | path basename)
    let folder = ($virtual_env | path dirname | path basename)
    let prompt = (
        if @PROMPT@ != "" { @PROMPT@ } else if $name == ".venv" { $folder } else if $folder == "layouts" { "dx-py" } else { $name }
    )
    let path_name = (if "Path" in $env { "Path" } else { "PATH" })
    let path = ($env | get $path_name | prepend $scripts)
    load-env { $path_name: $path, VIRTUAL_ENV: $virtual_env, VIRTUAL_ENV_PROMPT: $prompt }
    if not ("VIRTUAL_ENV_DISABLE_PROMPT" in $env) {
        let old = (if "PROMPT_COMMAND" in $env { $env.PROMPT_COMMAND } else { "" })
        let closure = (($old | describe) starts-with "closure")
        load-env { PROMPT_COMMAND: {|| $"\\(($prompt)\\) (if $closure { do $old } else { $old })" } }
    }
}

export alias deactivate = overlay hide activate
`;

const BATCH = `@rem Call this file from cmd.exe: .venv\\Scripts\\activate.bat. Undo it with deactivate.
@for %%i in ("%~dp0..") do @set "VIRTUAL_ENV=%%~fi"
@set "VIRTUAL_ENV_PROMPT=@PROMPT@"
@if not defined VIRTUAL_ENV_PROMPT @for %%i in ("%VIRTUAL_ENV%\\..") do @set "VIRTUAL_ENV_PROMPT=%%~nxi"
@if defined _OLD_VIRTUAL_PROMPT @set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
@if not defined PROMPT @set "PROMPT=$P$G"
@set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@if not defined VIRTUAL_ENV_DISABLE_PROMPT @set "PROMPT=(%VIRTUAL_ENV_PROMPT%) %PROMPT%"
@if defined PYTHONHOME @set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
@set PYTHONHOME=
@if defined _OLD_VIRTUAL_PATH @set "PATH=%_OLD_VIRTUAL_PATH%"
@set "_OLD_VIRTUAL_PATH=%PATH%"
@set "PATH=%VIRTUAL_ENV%\\@SCRIPTS@;%PATH%"
`;

const BATCH_OFF = `@if defined _OLD_VIRTUAL_PROMPT @set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
@set _OLD_VIRTUAL_PROMPT=
@if defined _OLD_VIRTUAL_PYTHONHOME @set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
@set _OLD_VIRTUAL_PYTHONHOME=
@if defined _OLD_VIRTUAL_PATH @set "PATH=%_OLD_VIRTUAL_PATH%"
@set _OLD_VIRTUAL_PATH=
@set VIRTUAL_ENV=
@set VIRTUAL_ENV_PROMPT=
`;
