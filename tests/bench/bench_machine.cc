// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench_machine.h"

#include "tests/vm/accelerator.h"

namespace ballast::bench {

namespace fs = std::filesystem;

Result<vm::MachineOptions> machine_of(const Settings &settings, const std::string &variant, const fs::path &logs) {
    const fs::path image = settings.output / "images" / ("ballast-" + variant + ".qcow2");
    if (!fs::exists(image)) {
        return fail(ENOENT, image.string() + " is not there: make it with ./dev image --variant " + variant);
    }
    vm::MachineOptions options{.image = image};
    options.log_directory = settings.logs() / logs;
    options.state_directory = settings.cache / "vm";
    return options;
}

Result<int> pods_together(const Settings &settings, int emulated) {
    if (settings.pods > 0) {
        return settings.pods;
    }
    return TRY(vm::working_accelerator(settings.cache / "vm")) == vm::Accelerator::kKvm ? kPodsOfNode : emulated;
}

} // namespace ballast::bench
