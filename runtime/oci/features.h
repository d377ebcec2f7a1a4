// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

// What `features` prints: the Features structure of the OCI runtime specification 1.3.0. It tells what this program was
// built to do, whatever the kernel that it runs on.
namespace ballast::oci {

// What other parts know; the rest comes from the tables of the reader (spec_names.h).
struct FeatureLists {
    std::vector<std::string> mount_options;           // those that are not the file system's own
    std::vector<std::string> supported_seccomp_flags; // of seccomp_flags(): what libseccomp and the kernel have
    std::map<std::string, std::string> annotations;   // about the program: its version, that of libseccomp
    // Those of a config.json that change what the runtime does; one that ends in "." stands for all that start so.
    std::vector<std::string> potentially_unsafe_annotations;
};

// Indented JSON that ends in a newline.
std::string features_json(const FeatureLists &lists);

} // namespace ballast::oci
