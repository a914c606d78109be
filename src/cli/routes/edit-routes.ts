/** `add` and `remove` for Stricli. */
import { buildCommand } from "@stricli/core";
import { ADD, REMOVE } from "../definitions/edit-definitions.ts";

export const addCommand = buildCommand(ADD);

export const removeCommand = buildCommand(REMOVE);
