// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/configuration.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "runtime/cni/names.h"

namespace ballast::cni {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Before 0.3.0 results look otherwise; nobody has written such configurations since 2017.
constexpr std::array<std::string_view, 5> kSpoken = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
constexpr std::uint64_t kLargestFile = 1UL << 20;
constexpr std::size_t kMostPlugins = 32;

std::size_t rank(std::string_view version) {
    return static_cast<std::size_t>(std::ranges::find(kSpoken, version) - kSpoken.begin());
}

std::string all_spoken() {
    std::string text;
    for (const std::string_view version : kSpoken) {
        text += (text.empty() ? "" : ", ") + std::string(version);
    }
    return text;
}

std::string read_version(const JsonCursor &from) {
    std::string best;
    for (const JsonCursor version : from.at("cniVersions").items()) {
        if (is_spoken(version.view()) && (best.empty() || comes_before(best, version.view()))) {
            best = version.text();
        }
    }
    const JsonCursor version = from.at("cniVersion");
    if (is_spoken(version.view()) && (best.empty() || comes_before(best, version.view()))) {
        best = version.text();
    }
    if (best.empty()) {
        from.need("cniVersion").refuse("one of " + all_spoken());
    }
    return best;
}

Plugin read_plugin(const JsonCursor &from) {
    Plugin plugin;
    plugin.type = from.need("type").text();
    if (!is_plugin_type(plugin.type)) {
        from.at("type").refuse("the name of a plugin");
    }
    for (const JsonCursor capability : from.at("capabilities").members()) {
        if (capability.boolean()) {
            plugin.capabilities.insert(std::string(capability.name()));
        }
    }
    return plugin;
}

void set_ranges_of(Json &addresses, const std::vector<network::Subnet> &ranges) {
    Json sets = Json::array(), routes = Json::array();
    for (const network::Subnet &range : ranges) {
        sets.push_back(Json::array({{{"subnet", range.network().text()}}}));
        const char *all = range.family() == network::Family::kV4 ? "0.0.0.0/0" : "::/0";
        if (const Json route = {{"dst", all}}; !std::ranges::contains(routes, route)) {
            routes.push_back(route);
        }
    }
    addresses["ranges"] = std::move(sets);
    addresses["routes"] = std::move(routes);
}

} // namespace

bool is_spoken(std::string_view version) { return rank(version) < kSpoken.size(); }
bool comes_before(std::string_view left, std::string_view right) { return rank(left) < rank(right); }
bool Configuration::at_least(std::string_view other) const { return !comes_before(version, other); }

Result<Configuration> parse_configuration(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    const bool list = root.at("plugins").given();
    Configuration made;
    made.version = read_version(root);
    made.name = root.need("name").text();
    if (!is_name(made.name)) {
        root.at("name").refuse("a name of letters, digits, '_', '.' and '-'");
    }
    made.check = !root.at("disableCheck").boolean();
    made.garbage_collected = !root.at("disableGC").boolean();
    if (list) {
        for (const JsonCursor plugin : root.at("plugins").items(kMostPlugins)) {
            made.plugins.push_back(read_plugin(plugin));
        }
    } else {
        made.plugins.push_back(read_plugin(root));
    }
    if (made.plugins.empty()) {
        root.at("plugins").fail("no plugin");
    }
    TRY(document.status());

    // The same once more, to be handed on whole: plugins have keys of their own.
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object()) {
        return fail(EINVAL, name + ": no JSON object");
    }
    if (!list) {
        json = {{"cniVersion", made.version}, {"name", made.name}, {"plugins", Json::array({json})}};
    }
    json["cniVersion"] = made.version;
    for (std::size_t place = 0; place < made.plugins.size(); place++) {
        made.plugins[place].json = json["plugins"][place].dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    made.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return made;
}

Result<std::string> with_ranges(std::string_view text, const std::string &name,
                                const std::vector<network::Subnet> &ranges) {
    Json json = Json::parse(text, nullptr, false);
    bool found = false;
    if (json.is_object() && json.contains("plugins") && json["plugins"].is_array()) {
        for (Json &plugin : json["plugins"]) {
            if (plugin.is_object() && plugin.contains("ipam") && plugin["ipam"].is_object() &&
                plugin["ipam"].value("type", "") == "host-local") {
                set_ranges_of(plugin["ipam"], ranges);
                found = true;
            }
        }
    }
    return found ? Result<std::string>(json.dump())
                 : fail(EINVAL, name + ": no plugin of it takes addresses from host-local");
}

Result<std::optional<ConfigurationDirectory::Stamp>> ConfigurationDirectory::choose() const {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
        const fs::path extension = entry->path().extension();
        if (extension == ".conf" || extension == ".conflist" || extension == ".json") {
            files.push_back(entry->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return fail_errno(directory_.string(), error.value());
    }
    std::ranges::sort(files);
    const fs::path chosen = files.empty() ? otherwise_ : files.front();
    if (chosen.empty()) {
        return std::nullopt;
    }
    struct stat facts{};
    if (::stat(chosen.c_str(), &facts) != 0) {
        if (errno == ENOENT && files.empty()) {
            return std::nullopt;
        }
        return fail_errno(chosen.string());
    }
    constexpr std::int64_t kNanoseconds = 1'000'000'000;
    return Stamp{.path = chosen,
                 .inode = facts.st_ino,
                 .size = static_cast<std::uint64_t>(facts.st_size),
                 .changed = facts.st_ctim.tv_sec * kNanoseconds + facts.st_ctim.tv_nsec};
}

Result<std::shared_ptr<const Configuration>> ConfigurationDirectory::current() {
    const std::lock_guard lock(mutex_);
    const std::optional<Stamp> stamp = TRY(choose());
    if (!stamp) {
        stamp_.reset();
        return fail(ENOENT, "no network configuration in " + directory_.string());
    }
    if (stamp_ != stamp) {
        read_ = [&]() -> Result<std::shared_ptr<const Configuration>> {
            std::string text = TRY(read_file(stamp->path, kLargestFile));
            if (stamp->path == otherwise_ && !ranges_.empty()) {
                text = TRY(with_ranges(text, stamp->path.string(), ranges_));
            }
            return std::make_shared<const Configuration>(TRY(parse_configuration(text, stamp->path.string())));
        }();
        stamp_ = stamp;
    }
    return read_;
}

void ConfigurationDirectory::set_ranges(std::vector<network::Subnet> ranges) {
    const std::lock_guard lock(mutex_);
    ranges_ = std::move(ranges);
    stamp_.reset();
}

} // namespace ballast::cni
