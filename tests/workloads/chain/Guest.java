// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads the shared library that it is given, whose constructor fails: two calls deep, to have frames of its own. */
class Guest {
	static void load(String path) {
		System.load(path);
	}

	public static void main(String[] arguments) {
		load(arguments[0]);
	}
}
