// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

// What a support bundle is made of, as data. docs/usage/support.md lists it.
namespace ballast::updater::support {

enum class Kind {
    kCommand, // what a program prints, on both outputs
    kFiles,   // the regular files that a pattern (glob(7)) matches
    kEngine,  // the answer of the engine's API to GET
};

struct Part {
    Kind kind = Kind::kCommand;
    std::string name;                // its path in the bundle; of kFiles: a directory, the files keep their whole paths
    std::vector<std::string> source; // the program and its arguments; the pattern; the target

    bool operator==(const Part &) const = default;
};

// With the journal of the last `boots` boots, 1 or more.
std::vector<Part> bundle_parts(int boots);

} // namespace ballast::updater::support
