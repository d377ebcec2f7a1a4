// SPDX-License-Identifier: Apache-2.0
// ballast-updaterd: updates of the system, as org.ballast.Updater1 on the system bus. Started by a call or by its
// timer; ends when it has nothing to do.
#include <cstdio>

#include "base/log.h"
#include "updater/live_host.h"
#include "updater/service.h"

namespace ballast::updater {
namespace {

Status serve() {
    ConfigFile file(kUpdaterFile);
    const UpdaterConfig config = file.changed().value_or(UpdaterConfig());
    LiveHost host(config);
    Service service(config, host, {.configuration = [&] {
                        std::optional<UpdaterConfig> changed = file.changed();
                        if (changed) {
                            host.configure(*changed);
                        }
                        return changed;
                    }});
    BusService bus = TRY(BusService::on_system_bus(service.handler()));
    return service.run(bus);
}

} // namespace
} // namespace ballast::updater

int main(int argc, char **) {
    if (argc != 1) {
        (void)std::fputs("usage: ballast-updaterd\n", stderr);
        return 2;
    }
    if (const ballast::Status status = ballast::updater::serve(); !status.has_value()) {
        ballast::log::error(status.error().message);
        return 1;
    }
    return 0;
}
