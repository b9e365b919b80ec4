// SPDX-License-Identifier: GPL-2.0-or-later
// Loads the shared library that it is given, whose constructor fails: from a function with a name of its own.
"use strict";

function loadTheLibrary(path) {
	process.dlopen({exports: {}}, path);
}

loadTheLibrary(process.argv[2]);
