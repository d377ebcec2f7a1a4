// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/renewal.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json/json_cursor.h"

namespace ballast::updater::boot_loader {
namespace {

constexpr mode_t kPrivateFile = 0600;

Result<Renewed> parse(const std::string &text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    Renewed renewed{.deployment = root.need("deployment").text(), .built = root.need("built").number<std::int64_t>(0)};
    TRY(document.status());
    return renewed;
}

} // namespace

Renewed load_renewed(const std::filesystem::path &file) {
    const Result<std::string> text = read_file(file);
    return text.has_value() ? parse(*text, file.string()).value_or(Renewed()) : Renewed();
}

Status save_renewed(const std::filesystem::path &file, const Renewed &renewed) {
    const nlohmann::ordered_json json{{"deployment", renewed.deployment}, {"built", renewed.built}};
    return replace_file(file, json.dump(1) + "\n", kPrivateFile);
}

bool is_due(const Renewed &last, const Renewed &running) {
    return running.deployment != last.deployment && running.built >= last.built;
}

} // namespace ballast::updater::boot_loader
