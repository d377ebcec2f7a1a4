// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/chain.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <sys/stat.h>

namespace ballast::cni {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::string_view kCheckSince = "0.4.0";
constexpr std::string_view kStatusSince = "1.1.0"; // and GC

} // namespace

Result<std::string> Chain::call(const char *command, const Configuration &configuration, const Plugin &plugin,
                                const CacheEntry &entry, const std::string &result_before) const {
    std::map<std::string, std::string> variables = {{"CNI_COMMAND", command},
                                                    {"CNI_CONTAINERID", entry.attachment.container},
                                                    {"CNI_IFNAME", entry.attachment.interface},
                                                    {"CNI_NETNS", entry.attachment.network_namespace.string()},
                                                    {"CNI_ARGS", arguments_text(entry.attachment)}};
    return call_plugin(places_, plugin.type, std::move(variables),
                       plugin_input(configuration, plugin, entry.wishes, result_before));
}

Result<std::vector<CacheEntry>> Chain::of_container(const std::string &container) const {
    std::vector<CacheEntry> entries = TRY(known());
    std::erase_if(entries, [&](const CacheEntry &entry) { return entry.attachment.container != container; });
    return entries;
}

Result<Attached> Chain::add(const Configuration &configuration, const Attachment &attachment) {
    TRY(check_attachment(attachment));
    if (attachment.network_namespace.empty()) {
        return fail(EINVAL, attachment.container + " has no network namespace that could be attached");
    }
    const std::shared_lock lock(collecting_);
    for (const CacheEntry &other : TRY(of_container(attachment.container))) {
        if (other.attachment.interface == attachment.interface) {
            return fail(EEXIST, attachment.container + " is attached to " + other.configuration.name + " already");
        }
    }
    CacheEntry entry{.configuration = configuration,
                     .attachment = attachment,
                     .wishes = wishes_json(attachment.wishes),
                     .result = {}};
    TRY(cache_.write(entry));
    const Result<Attached> attached = [&]() -> Result<Attached> {
        Attached last;
        for (const Plugin &plugin : configuration.plugins) {
            const std::string output = TRY(call("ADD", configuration, plugin, entry, last.json));
            last = TRY(parse_attached(output, plugin.type));
        }
        entry.result = last.json;
        TRY(cache_.write(entry));
        return last;
    }();
    if (!attached.has_value()) {
        Error error{attached.error().code, "network " + configuration.name + ": " + attached.error().message};
        if (const Status back = take_back(entry, attachment.network_namespace); !back.has_value()) {
            error.message += "; and it could not be taken back: " + back.error().message;
        }
        return std::unexpected(std::move(error));
    }
    return attached;
}

Status Chain::check(const std::string &container) {
    const std::shared_lock lock(collecting_);
    const std::vector<CacheEntry> entries = TRY(of_container(container));
    if (entries.empty()) {
        return fail(ENOENT, container + " is in no network");
    }
    for (const CacheEntry &entry : entries) {
        if (!entry.configuration.check || !entry.configuration.at_least(kCheckSince)) {
            continue;
        }
        if (entry.result.empty()) {
            return fail(EIO, "network " + entry.configuration.name + ": " + container + " was not attached to its end");
        }
        for (const Plugin &plugin : entry.configuration.plugins) {
            TRY(call("CHECK", entry.configuration, plugin, entry, entry.result)
                    .within("network " + entry.configuration.name));
        }
    }
    return {};
}

Status Chain::take_back(const CacheEntry &entry, const fs::path &network_namespace) const {
    CacheEntry now = entry;
    std::error_code error;
    now.attachment.network_namespace = fs::exists(network_namespace, error) ? network_namespace : fs::path();
    for (const Plugin &plugin : std::views::reverse(entry.configuration.plugins)) {
        // Before 0.4.0 there was no result for DEL.
        const std::string before = entry.configuration.at_least(kCheckSince) ? entry.result : "";
        TRY(call("DEL", entry.configuration, plugin, now, before).within("network " + entry.configuration.name));
    }
    return cache_.remove(entry);
}

Status Chain::remove(const std::string &container, const fs::path &network_namespace) {
    const std::shared_lock lock(collecting_);
    for (const CacheEntry &entry : TRY(of_container(container))) {
        TRY(take_back(entry, network_namespace));
    }
    return {};
}

Result<std::vector<CacheEntry>> Chain::known() const { return TRY(cache_.read()).entries; }
Result<std::vector<std::string>> Chain::problems() const { return TRY(cache_.read()).problems; }

// Asked once for each state of the plugin's file.
bool Chain::speaks(const std::string &type, std::string_view version) {
    const Result<fs::path> path = find_plugin(places_, type);
    struct stat facts{};
    if (!path.has_value() || stat(path->c_str(), &facts) != 0) {
        return false;
    }
    const std::string key = path->string() + " " + std::to_string(facts.st_ino) + " " +
                            std::to_string(facts.st_ctim.tv_sec) + " " + std::to_string(facts.st_ctim.tv_nsec);
    const std::lock_guard lock(mutex_);
    auto found = spoken_.find(key);
    if (found == spoken_.end()) {
        const Result<std::vector<std::string>> versions = versions_of(places_, type);
        if (!versions.has_value()) {
            return false; // as it is asked again, no harm is done
        }
        std::erase_if(spoken_, [&](const auto &other) { return other.first.starts_with(path->string() + " "); });
        found = spoken_.emplace(key, std::set<std::string, std::less<>>(versions->begin(), versions->end())).first;
    }
    return found->second.contains(version);
}

Status Chain::ready(const Configuration &configuration) {
    for (const Plugin &plugin : configuration.plugins) {
        TRY(find_plugin(places_, plugin.type));
        if (configuration.at_least(kStatusSince) && speaks(plugin.type, kStatusSince)) {
            TRY(call_plugin(places_, plugin.type, {{"CNI_COMMAND", "STATUS"}},
                            plugin_input(configuration, plugin, "{}", ""))
                    .within("network " + configuration.name));
        }
    }
    return {};
}

Status Chain::collect_garbage(const Configuration *configuration,
                              const std::function<bool(const std::string &container)> &wanted) {
    const std::unique_lock lock(collecting_);
    Status first;
    const auto keep = [&first](const Status &status) {
        if (!status.has_value() && first.has_value()) {
            first = status;
        }
    };
    for (const CacheEntry &entry : TRY(known())) {
        if (!wanted(entry.attachment.container)) {
            keep(take_back(entry, entry.attachment.network_namespace));
        }
    }
    if (configuration == nullptr || !configuration->garbage_collected || !configuration->at_least(kStatusSince)) {
        return first;
    }
    Json valid = Json::array();
    for (const CacheEntry &entry : TRY(known())) { // also what could not be taken back: it will be tried again
        if (entry.configuration.name == configuration->name) {
            valid.push_back({{"containerID", entry.attachment.container}, {"ifname", entry.attachment.interface}});
        }
    }
    for (const Plugin &plugin : configuration->plugins) {
        if (speaks(plugin.type, kStatusSince)) {
            Json input = Json::parse(plugin_input(*configuration, plugin, "{}", ""));
            input["cni.dev/valid-attachments"] = valid;
            const Result<std::string> collected =
                call_plugin(places_, plugin.type, {{"CNI_COMMAND", "GC"}}, input.dump());
            keep(collected.has_value() ? Status() : std::unexpected(collected.error()));
        }
    }
    return first;
}

} // namespace ballast::cni
