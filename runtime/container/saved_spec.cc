// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/saved_spec.h"

#include <algorithm>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::container {

Result<oci::Spec> load_spec(const ContainerDir &directory) {
    const fs::path file = directory.path() / "config.json";
    return oci::parse_spec(TRY(read_file(file, kLargestJson)), file.string());
}

bool has_hooks(const State &state, std::string_view kind) { return std::ranges::contains(state.hooks, kind); }

void go_to_bundle(const State &state) {
    if (chdir(state.bundle.c_str()) != 0) {
        return; // see the header
    }
}

} // namespace ballast::container
