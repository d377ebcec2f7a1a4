// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/api/router.h"
#include "runtime/api/times.h"
#include "runtime/api/version.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"
#include "runtime/engine/plan.h"
#include "runtime/registry/login.h"

namespace ballast::api {
namespace {

Status ping(Call &call) {
    const bool head = call.exchange().request().is_head();
    return call.exchange().answer(
        200,
        call.headers("text/plain; charset=utf-8", {{"Builder-Version", "1"},
                                                   {"Swarm", "inactive"},
                                                   {"Cache-Control", "no-cache, no-store, must-revalidate"},
                                                   {"Pragma", "no-cache"}}),
        head ? "" : "OK");
}

utsname machine() {
    utsname names{};
    (void)uname(&names); // cannot fail with a good address
    return names;
}

std::string architecture() { return image::Platform::own().architecture; }

Status version(Call &call) {
    const utsname names = machine();
    const std::string engine = call.backend().version;
    const Json details{{"ApiVersion", kNewestText},
                       {"Arch", architecture()},
                       {"BuildTime", ""},
                       {"Experimental", "false"},
                       {"GitCommit", ""},
                       {"GoVersion", ""},
                       {"KernelVersion", names.release},
                       {"MinAPIVersion", kOldestText},
                       {"Os", "linux"}};
    Json answer{{"Platform", {{"Name", "Ballast"}}},
                {"Components",
                 {{{"Name", "Engine"}, {"Version", engine}, {"Details", details}},
                  {{"Name", "ballast-oci"}, {"Version", engine}, {"Details", {{"GitCommit", ""}}}}}}};
    answer.update({{"Version", engine},
                   {"ApiVersion", kNewestText},
                   {"MinAPIVersion", kOldestText},
                   {"GitCommit", ""},
                   {"GoVersion", ""},
                   {"Os", "linux"},
                   {"Arch", architecture()},
                   {"KernelVersion", names.release},
                   {"BuildTime", ""}});
    return call.answer(200, answer);
}

// A value of os-release(5), without its quotes.
std::string os_release(std::string_view key) {
    const std::string text = read_file("/etc/os-release").value_or("");
    const std::string wanted = "\n" + std::string(key) + "=";
    const std::string with_start = "\n" + text;
    std::size_t place = with_start.find(wanted);
    if (place == std::string::npos) {
        return "";
    }
    place += wanted.size();
    std::string value = with_start.substr(place, with_start.find('\n', place) - place);
    std::erase(value, '"');
    return value;
}

Json security_options(const engine::HostFacts &host, bool remapped) {
    Json options = Json::array();
    if (host.apparmor) {
        options.push_back("name=apparmor");
    }
    options.push_back("name=seccomp,profile=builtin");
    if (remapped) {
        options.push_back("name=userns");
    }
    options.push_back("name=cgroupns");
    return options;
}

Json registry_config(const config::EngineConfig &config) {
    Json cidrs = {"127.0.0.0/8", "::1/128"};
    Json indexes{{"docker.io",
                  {{"Name", "docker.io"}, {"Mirrors", config.registry_mirrors}, {"Secure", true}, {"Official", true}}}};
    for (const std::string &entry : config.insecure_registries) {
        if (entry.contains('/')) {
            cidrs.push_back(entry);
        } else {
            indexes[entry] = {{"Name", entry}, {"Mirrors", Json::array()}, {"Secure", false}, {"Official", false}};
        }
    }
    return {{"AllowNondistributableArtifactsCIDRs", nullptr},
            {"AllowNondistributableArtifactsHostnames", nullptr},
            {"InsecureRegistryCIDRs", std::move(cidrs)},
            {"IndexConfigs", std::move(indexes)},
            {"Mirrors", config.registry_mirrors}};
}

std::uint64_t open_descriptors() {
    std::error_code error;
    return static_cast<std::uint64_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd", error),
                                                    std::filesystem::directory_iterator()));
}

std::uint64_t threads() {
    std::error_code error;
    return static_cast<std::uint64_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task", error),
                                                    std::filesystem::directory_iterator()));
}

std::string hostname() { return machine().nodename; }

Json facts_of_machine() {
    const utsname names = machine();
    struct sysinfo memory{};
    (void)sysinfo(&memory); // cannot fail with a good address
    return {{"KernelVersion", names.release},
            {"OperatingSystem", os_release("PRETTY_NAME")},
            {"OSVersion", os_release("VERSION_ID")},
            {"OSType", "linux"},
            {"Architecture", names.machine},
            {"NCPU", std::thread::hardware_concurrency()},
            {"MemTotal", static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit},
            {"Name", hostname()}};
}

Json limits_supported(bool cgroups) {
    Json limits = Json::object();
    for (const char *name :
         {"MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit"}) {
        limits[name] = cgroups;
    }
    limits["OomKillDisable"] = false; // cgroup v2 has no such thing
    return limits;
}

Status info(Call &call) {
    const auto config = call.backend().configuration();
    const engine::Counts counts = call.engine().counts();
    Json answer{{"ID", call.backend().id},
                {"Containers", counts.containers},
                {"ContainersRunning", counts.running},
                {"ContainersPaused", counts.paused},
                {"ContainersStopped", counts.stopped},
                {"Images", call.images().list().size()},
                {"Driver", "overlay2"},
                {"DriverStatus", Json::array({Json::array({"Supports d_type", "true"})})},
                {"Plugins",
                 {{"Volume", {"local"}},
                  {"Network", {"bridge", "host", "null"}},
                  {"Authorization", nullptr},
                  {"Log", {"journald", "json-file", "local", "none", "syslog"}}}}};
    answer.update(limits_supported(config->cgroups));
    answer.update({{"IPv4Forwarding", true},
                   {"BridgeNfIptables", false},
                   {"BridgeNfIp6tables", false},
                   {"Debug", config->debug},
                   {"NFd", open_descriptors()},
                   {"NGoroutines", threads()},
                   {"SystemTime", engine::time_text(now())},
                   {"LoggingDriver", config->log_driver},
                   {"CgroupDriver", config->cgroups ? "systemd" : "none"},
                   {"CgroupVersion", "2"},
                   {"NEventsListener", 0}});
    answer.update(facts_of_machine());
    answer.update({{"IndexServerAddress", "https://index.docker.io/v1/"},
                   {"RegistryConfig", registry_config(*config)},
                   {"GenericResources", nullptr},
                   {"DockerRootDir", config->data_root.string()},
                   {"HttpProxy", config->proxies.http},
                   {"HttpsProxy", config->proxies.https},
                   {"NoProxy", config->proxies.none},
                   {"Labels", config->labels},
                   {"ExperimentalBuild", false},
                   {"ServerVersion", call.backend().version},
                   {"Runtimes", {{"ballast-oci", {{"path", "/usr/lib/ballast/ballast-oci"}}}}},
                   {"DefaultRuntime", "ballast-oci"},
                   {"Swarm",
                    {{"NodeID", ""},
                     {"NodeAddr", ""},
                     {"LocalNodeState", "inactive"},
                     {"ControlAvailable", false},
                     {"Error", ""},
                     {"RemoteManagers", nullptr}}},
                   {"LiveRestoreEnabled", true},
                   {"Isolation", ""},
                   {"InitBinary", "ballast-container-init"},
                   {"ContainerdCommit", {{"ID", ""}, {"Expected", ""}}},
                   {"RuncCommit", {{"ID", ""}, {"Expected", ""}}},
                   {"InitCommit", {{"ID", ""}, {"Expected", ""}}},
                   {"SecurityOptions", security_options(call.engine().host(), !config->userns_remap.empty())},
                   {"CDISpecDirs", Json::array()},
                   {"Warnings", call.engine().warnings().empty() ? Json(nullptr) : Json(call.engine().warnings())}});
    return call.answer(200, answer);
}

Status auth(Call &call) {
    const std::string body = TRY(call.exchange().whole_body(kLargestBody));
    const registry::Credentials credentials = TRY(registry::parse_auth_config(body));
    const auto registries = call.backend().registries();
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    const registry::LoginAnswer login = TRY(registry::log_in(*registries, credentials, client.token()));
    return call.answer(200, {{"Status", login.status}, {"IdentityToken", login.identity_token}});
}

Status events(Call &call) {
    engine::EventQuery query;
    query.filters = TRY(call.filters());
    const engine::Time since = TRY(parse_when(call.query("since"), now()));
    const engine::Time until = TRY(parse_when(call.query("until"), now()));
    query.since = since;
    query.until = until;
    TRY(check_filters(query.filters, {"config", "container", "daemon", "event", "image", "label", "network", "node",
                                      "plugin", "scope", "secret", "service", "type", "volume"}));
    const std::unique_ptr<engine::Events::Subscription> subscription = call.engine().events().subscribe(query);
    // Before the first event: the client waits for it to know that it misses nothing.
    TRY(call.exchange().begin(200, call.headers("application/json")));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    while (const std::optional<engine::Event> event = subscription->next(client.token())) {
        TRY(call.exchange().write(text_of(event_view(*event)) + "\n"));
    }
    return call.exchange().finish();
}

Json volumes_usage(const std::vector<engine::VolumeView> &volumes) {
    Json list = Json::array();
    for (const engine::VolumeView &volume : volumes) {
        list.push_back(volume_view(volume));
    }
    return list;
}

Status disk_usage(Call &call) {
    const std::vector<std::string> types = call.exchange().request().query.all("type");
    for (const std::string &type : types) {
        if (type != "container" && type != "image" && type != "volume" && type != "build-cache") {
            return fail(EINVAL, "unknown object type: " + type);
        }
    }
    const auto wanted = [&](const char *type) { return types.empty() || std::ranges::contains(types, type); };
    const std::vector<engine::Snapshot> containers =
        TRY(call.engine().list({.all = true, .limit = 0, .size = wanted("container"), .filters = {}}));
    Json answer = Json::object();
    if (wanted("image")) {
        const image::DiskUsage usage = call.images().disk_usage();
        answer["LayersSize"] = usage.layer_bytes;
        answer["Images"] = Json::array();
        for (const image::Image &image : call.images().list()) {
            const auto found = std::ranges::find(usage.images, image.id, &image::ImageUsage::id);
            const auto users = std::ranges::count(containers, image.id.text(), &engine::Snapshot::image_id);
            const auto shared = found == usage.images.end() ? -1 : static_cast<std::int64_t>(found->shared);
            answer["Images"].push_back(image_summary(image, call.version(), shared, users));
        }
    }
    if (wanted("container")) {
        answer["Containers"] = Json::array();
        for (const engine::Snapshot &container : containers) {
            answer["Containers"].push_back(container_summary(container, container.config.image, now(), true));
        }
    }
    if (wanted("volume")) {
        answer["Volumes"] = volumes_usage(TRY(call.engine().list_volumes({}, true)));
    }
    if (wanted("build-cache")) {
        answer["BuildCache"] = Json::array();
    }
    if (types.empty()) {
        answer["BuilderSize"] = 0;
    }
    return call.answer(200, answer);
}

constexpr Route kRoutes[] = {
    {"GET", "/_ping", ping}, {"HEAD", "/_ping", ping},   {"GET", "/version", version},      {"GET", "/info", info},
    {"POST", "/auth", auth}, {"GET", "/events", events}, {"GET", "/system/df", disk_usage},
};

} // namespace

std::span<const Route> system_routes() { return kRoutes; }

} // namespace ballast::api
