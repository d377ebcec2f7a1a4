// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/image_under_test.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <string>

#include "tests/unit/check.h"
#include "tests/vm/accelerator.h"

namespace ballast::vm {
namespace {

std::string environment(const char *name, const char *fallback) {
    const char *value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    return value != nullptr && *value != '\0' ? value : fallback;
}

} // namespace

MachineOptions image_under_test() {
    MachineOptions options;
    options.cpus = processors_of_test_machine();
    options.image = environment("BALLAST_IMAGE", "out/images/ballast-cloud.qcow2");
    if (!std::filesystem::exists(options.image)) {
        SKIP(options.image.string() + " is not there; make it with ./dev image, or set BALLAST_IMAGE");
    }
    const std::string kernel = environment("BALLAST_KERNEL", "");
    if (!kernel.empty()) {
        options.direct_kernel =
            DirectKernel{kernel, environment("BALLAST_INITRD", ""), environment("BALLAST_APPEND", "")};
    }
    return options;
}

unsigned processors_of_test_machine() {
    const MachineOptions usual;
    return must(working_accelerator(usual.state_directory)) == Accelerator::kKvm ? usual.cpus : 1;
}

} // namespace ballast::vm
