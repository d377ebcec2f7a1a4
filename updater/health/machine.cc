// SPDX-License-Identifier: Apache-2.0
#include "updater/health/machine.h"

#include <ctime>
#include <format>
#include <memory>
#include <sys/reboot.h>
#include <sys/timex.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "base/http/client.h"
#include "base/json/json_cursor.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "updater/engine_api.h"
#include "updater/health/network_facts.h"
#include "updater/health/system_units.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{20};

using SharedClient = std::shared_ptr<http::Client>;

Result<int> ask_source(const SharedClient &client, const UpdaterConfig &updater, const std::string &url) {
    http::ClientRequest request{.method = "HEAD", .url = TRY(http::parse_url(url))};
    request.proxy = updater.proxy;
    request.tls.certificate = updater.tls.certificate;
    request.tls.key = updater.tls.key;
    if (!updater.tls.authorities.empty()) {
        request.tls.authorities = TRY(read_file(updater.tls.authorities));
    }
    request.patience = {.connect = kPatience, .idle = kPatience, .total = kPatience};
    return TRY(client->send(request)).head.status;
}

// org.ballast.Agent1.Ready, as busctl prints it: {"type":"b","data":true}.
Result<bool> agent_ready() {
    const std::string text =
        TRY(run_checked({.arguments = {"busctl", "--json=short", "get-property", "org.ballast.Agent1",
                                       "/org/ballast/Agent1", "org.ballast.Agent1", "Ready"},
                         .timeout = kPatience}));
    JsonDocument document = TRY(JsonDocument::parse(text, "org.ballast.Agent1.Ready"));
    const bool ready = JsonCursor(document).need("data").boolean();
    TRY(document.status());
    return ready;
}

Clock clock_of(std::int64_t built) {
    timex state{};
    return {.now = ::time(nullptr), .synchronised = ::adjtimex(&state) != TIME_ERROR, .earliest = built};
}

// The file system's directory of a deployment: "ostree-CHECKSUM.SERIAL-RECIPE".
std::string version_of(const std::string &deployment) {
    const std::string id = deployment.substr(deployment.find('-') + 1);
    const std::string name = id.substr(0, id.rfind('-'));
    std::error_code none;
    for (const auto &stateroot : fs::directory_iterator("/ostree/deploy", none)) {
        const Result<std::string> release = read_file(stateroot.path() / "deploy" / name / "usr/lib/os-release");
        if (release.has_value()) {
            return os_release_value(*release, "VERSION_ID");
        }
    }
    return {};
}

// systemd itself may be what does not work.
Status restart() {
    const Status asked = request_restart();
    if (!asked.has_value()) {
        log::error("ask for a restart: " + asked.error().message + "; restarting without it");
        ::sync();
        if (::reboot(RB_AUTOBOOT) != 0) {
            return fail_errno("restart");
        }
    }
    return {};
}

} // namespace

Surroundings this_machine(const BootFacts &boot, const UpdaterConfig &updater) {
    const auto client = std::make_shared<http::Client>();
    return {.units = all_units,
            .is_enabled = is_unit_enabled,
            .has_finished = has_unit_finished,
            .unit_journal = unit_journal,
            .engine = [engine = EngineApi()](const std::string &target) { return engine.get(target); },
            .agent_ready = agent_ready,
            .interfaces = network_interfaces,
            .ask_source = [client, updater](const std::string &url) { return ask_source(client, updater, url); },
            .clock = [built = boot.built] { return clock_of(built); },
            .elapsed =
                [] {
                    return std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::steady_clock::now().time_since_epoch());
                },
            .sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }};
}

Bench this_bench(const HealthConfig &config, const Surroundings &machine, BootFacts boot) {
    return {.config = config,
            .machine = machine,
            .boot = std::move(boot),
            .journal = boot_journal,
            .boot_with = boot_with,
            .jobs = queued_jobs,
            .version_of = version_of,
            .restart = restart};
}

} // namespace ballast::updater::health
