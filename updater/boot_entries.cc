// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_entries.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/digest.h"
#include "base/quote.h"
#include "base/trimmed.h"

namespace ballast::updater {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kChecksumDigits = 64;
constexpr std::size_t kRecipeDigits = 8;

bool is_control(char character) { return static_cast<unsigned char>(character) < 0x20 || character == 0x7f; }

bool is_digit(char character) { return character >= '0' && character <= '9'; }

bool is_hexadecimal(char character) { return is_digit(character) || (character >= 'a' && character <= 'f'); }

Status set_path(std::string &path, std::string_view key, std::string_view value, const std::string &name) {
    if (!value.starts_with('/')) {
        return fail(EINVAL, name + ": " + std::string(key) + " is not an absolute path: " + quote(value));
    }
    path = value;
    return {};
}

Status set_key(BootEntry &entry, std::string_view key, std::string_view value, const std::string &name) {
    if (key == "title") {
        entry.title = value;
    } else if (key == "version") {
        entry.version = value;
    } else if (key == "linux") {
        TRY(set_path(entry.kernel, key, value, name));
    } else if (key == "initrd") {
        TRY(set_path(entry.initrds.emplace_back(), key, value, name));
    } else if (key == "options") {
        entry.options += (entry.options.empty() ? "" : " ") + std::string(value);
    }
    return {};
}

// Words as the kernel splits them: blanks separate, double quotes protect blanks and stay in the word.
Result<std::vector<std::string>> kernel_words(std::string_view options) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    for (const char character : options) {
        if (character == '"') {
            quoted = !quoted;
        }
        if (!quoted && kBlanks.contains(character)) {
            if (!word.empty()) {
                words.push_back(std::move(word));
                word.clear();
            }
        } else {
            word += character;
        }
    }
    if (quoted) {
        return fail(EINVAL, "kernel arguments have an unmatched quote: " + quote(options));
    }
    if (!word.empty()) {
        words.push_back(std::move(word));
    }
    return words;
}

bool is_assignment_of(std::string_view word, std::string_view name) {
    return word.starts_with(name) && word.substr(name.size()).starts_with('=');
}

// What the word is for GRUB, which puts quotes of its own around words with blanks and escapes \ ' " in all others;
// the kernel takes quotes off only at the start of a word or of a value.
Result<std::string> grub_argument(std::string word) {
    const std::string original = word;
    if (word.ends_with('"')) {
        const auto open = word.find('"');
        if (open + 1 < word.size() && (open == 0 || word[open - 1] == '=')) {
            word.pop_back();
            word.erase(open, 1);
        }
    }
    if (word.find_first_of("\\'\"") != std::string::npos) {
        return fail(EINVAL, "GRUB cannot pass the kernel argument " + quote(original) +
                                " unchanged: remove backslashes, single quotes and quotes inside it");
    }
    return word;
}

// One word of a GRUB script, taken literally.
std::string literal(std::string_view text) {
    std::string word = "'";
    for (const char character : text) {
        if (character == '\'') {
            word += R"('\'')";
        } else {
            word += character;
        }
    }
    return word + "'";
}

Result<std::string> menu_entry(const IdentifiedEntry &identified) {
    const BootEntry &entry = identified.entry;
    std::string text = "menuentry " + literal(entry.title) + " --id " + identified.id + " {\n" +
                       "    if ballast_start " + identified.id + "; then\n" + "        linux " + literal(entry.kernel);
    for (std::string &word : TRY(kernel_words(entry.options))) {
        if (!is_assignment_of(word, kDeploymentArgument)) { // a copy of /proc/cmdline found its way into the options
            text += " " + literal(TRY(grub_argument(std::move(word))));
        }
    }
    text += " " + std::string(kDeploymentArgument) + "=" + identified.id + "\n";
    if (!entry.initrds.empty()) {
        text += "        initrd";
        for (const std::string &initrd : entry.initrds) {
            text += " " + literal(initrd);
        }
        text += "\n";
    }
    return text + "    fi\n}\n";
}

std::string previous_is(const std::string &id, std::size_t index) {
    return "set ballast_previous=" + id + "\n" + "set ballast_previous_index=" + std::to_string(index) + "\n";
}

} // namespace

Result<BootEntry> parse_boot_entry(std::string_view text, const std::string &name) {
    BootEntry entry;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(text.substr(0, end), kBlanks);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto key_end = std::min(line.find_first_of(kBlanks), line.size());
        const std::string_view value = trimmed(line.substr(key_end), kBlanks);
        if (std::ranges::any_of(value, is_control)) {
            return fail(EINVAL, name + ": control character in the line " + quote(line));
        }
        TRY(set_key(entry, line.substr(0, key_end), value, name));
    }
    if (entry.kernel.empty()) {
        return fail(EINVAL, name + ": no kernel (the key linux is missing)");
    }
    if (entry.title.empty()) {
        entry.title = "(untitled)";
    }
    return entry;
}

void sort_newest_first(std::vector<BootEntry> &entries) {
    std::ranges::stable_sort(entries, [](const BootEntry &a, const BootEntry &b) {
        if (a.version.empty() || b.version.empty()) {
            return b.version.empty() && !a.version.empty();
        }
        return strverscmp(a.version.c_str(), b.version.c_str()) > 0;
    });
}

Result<std::filesystem::path> boot_link(const BootEntry &entry) {
    constexpr std::string_view kName = "ostree";
    std::filesystem::path link;
    for (const std::string &word : TRY(kernel_words(entry.options))) {
        if (!is_assignment_of(word, kName)) {
            continue;
        }
        if (!link.empty()) {
            return fail(EINVAL, "the kernel argument ostree= is given twice: " + quote(entry.options));
        }
        link = word.substr(kName.size() + 1);
    }
    // "/" "ostree" "boot.N" STATEROOT BOOTCSUM SERIAL
    const bool formed = std::distance(link.begin(), link.end()) == 6 && link.is_absolute() &&
                        link.string().starts_with("/ostree/boot.") && link.lexically_normal() == link;
    if (!formed) {
        return fail(EINVAL, "the kernel argument ostree= is missing or not /ostree/boot.N/STATEROOT/BOOTCSUM/SERIAL: " +
                                quote(entry.options));
    }
    return link;
}

Result<std::string> deployment_id(const BootEntry &entry, const std::filesystem::path &link_target) {
    const std::filesystem::path link = TRY(boot_link(entry));
    const std::string deployment = link_target.filename();
    const std::string_view checksum = std::string_view(deployment).substr(0, kChecksumDigits);
    const std::string_view rest = std::string_view(deployment).substr(checksum.size());
    if (checksum.size() != kChecksumDigits || !std::ranges::all_of(checksum, is_hexadecimal) || rest.size() < 2 ||
        rest.size() > 10 || rest.front() != '.' || !std::ranges::all_of(rest.substr(1), is_digit)) {
        return fail(EINVAL, link.string() + " points to " + quote(link_target.string()) +
                                ", which is no deployment (CHECKSUM.SERIAL)");
    }
    std::string recipe = link.parent_path().parent_path().filename().string() + "\n";
    for (const std::string &word : TRY(kernel_words(entry.options))) {
        if (!is_assignment_of(word, "ostree") && !is_assignment_of(word, kDeploymentArgument)) {
            recipe += word + "\n";
        }
    }
    // The first one comes with the deployment and is named by its checksum; the others are the operator's.
    for (std::size_t index = 1; index < entry.initrds.size(); ++index) {
        recipe += entry.initrds[index] + "\n";
    }
    return "ostree-" + deployment + "-" + sha256(recipe).substr(0, kRecipeDigits);
}

bool is_deployment_id(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && text.size() <= 128 && is_letter(text.front()) && std::ranges::all_of(text, [&](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
    });
}

Result<std::string> grub_menu(const std::vector<IdentifiedEntry> &entries) {
    if (entries.empty()) {
        return fail(EINVAL, "there are no boot entries to make a menu of");
    }
    std::set<std::string> seen;
    for (const IdentifiedEntry &identified : entries) {
        if (!is_deployment_id(identified.id)) {
            return fail(EINVAL, "not usable as a deployment's id: " + quote(identified.id));
        }
        if (!seen.insert(identified.id).second) {
            return fail(EINVAL, "two boot entries start the same deployment " + identified.id);
        }
    }
    std::string text = "# Written by ballast-boot-entries for libostree, anew for every change of the deployments.\n"
                       "set ballast_newest=" +
                       entries.front().id + "\n" + "set ballast_entries=" + std::to_string(entries.size()) + "\n";
    if (entries.size() > 1) {
        text += previous_is(entries[1].id, 1);
    }
    for (std::size_t index = 1; index < entries.size(); ++index) {
        text += "if [ \"$good\" = " + entries[index].id + " ]; then\n" + "set ballast_good=" + entries[index].id +
                "\n" + previous_is(entries[index].id, index) + "fi\n";
    }
    for (const IdentifiedEntry &identified : entries) {
        text += TRY(menu_entry(identified).within("entry " + quote(identified.entry.title)));
    }
    return text;
}

} // namespace ballast::updater
