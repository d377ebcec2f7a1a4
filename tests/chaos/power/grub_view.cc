// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/grub_view.h"

#include <algorithm>
#include <cctype>
#include <format>

#include "base/file_io.h"
#include "base/lines.h"
#include "base/subprocess.h"

namespace ballast::power {
namespace {

namespace fs = std::filesystem;

constexpr const char *kBootFileSystem = "(loop0,gpt3)"; // image-build/disk.cc

// The words of a line of GRUB's script as ballast-boot-entries writes it: with quotes that take all literally, or none.
std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    bool quoted = false, inside = false;
    for (const char character : line) {
        if (character == '\'') {
            quoted = !quoted;
        } else if (!quoted && std::isspace(static_cast<unsigned char>(character)) != 0) {
            inside = false;
            continue;
        }
        if (!inside) {
            words.emplace_back();
            inside = true;
        }
        if (character != '\'') {
            words.back() += character;
        }
    }
    return words;
}

// The value of "NAME=VALUE", or nothing when it is another name's.
std::optional<std::string> value_of(const std::string &word, const std::string &name) {
    return word.starts_with(name + "=") ? std::optional(word.substr(name.size() + 1)) : std::nullopt;
}

bool is_whole(const MenuEntry &entry) {
    return !entry.id.empty() && !entry.kernel.empty() && !entry.initramfs.empty() && !entry.ostree.empty();
}

} // namespace

Result<std::vector<MenuEntry>> parse_menu(std::string_view text) {
    std::vector<MenuEntry> menu;
    std::string newest, announced;
    bool open = false;
    for (const std::string &line : lines_of(text)) {
        const std::vector<std::string> words = words_of(line);
        if (words.empty()) {
            continue;
        }
        if (words[0] == "set" && words.size() == 2) {
            newest = value_of(words[1], "ballast_newest").value_or(newest);
            announced = value_of(words[1], "ballast_entries").value_or(announced);
        } else if (words[0] == "menuentry" && words.size() == 5) {
            menu.push_back({.id = words[3], .kernel = "", .initramfs = "", .ostree = ""});
            open = true;
        } else if (words[0] == "linux" && words.size() > 1 && open) {
            menu.back().kernel = words[1];
            for (const std::string &word : words) {
                menu.back().ostree = value_of(word, "ostree").value_or(menu.back().ostree);
            }
        } else if (words[0] == "initrd" && words.size() > 1 && open) {
            menu.back().initramfs = words[1];
        } else if (words[0] == "}") {
            open = false;
        }
    }
    if (open || menu.empty() || std::to_string(menu.size()) != announced || menu.front().id != newest ||
        !std::ranges::all_of(menu, is_whole)) {
        return fail(EINVAL, std::format("the menu is not whole: {} entries of {}, the newest is \"{}\"", menu.size(),
                                        announced, newest));
    }
    return menu;
}

std::string entry_that_starts(const std::vector<MenuEntry> &menu, const updater::GrubEnvironment &environment) {
    const std::string good = environment.get("good").value_or(""), &newest = menu.front().id;
    const bool given_up = environment.get("trial") == newest && environment.get("tries") == "0";
    if (newest == good || !given_up || menu.size() == 1) {
        return newest;
    }
    const auto proven = std::ranges::find(menu, good, &MenuEntry::id);
    return proven == menu.end() ? menu[1].id : proven->id;
}

Result<fs::path> GrubDisk::copy_of(const std::string &path) const {
    const fs::path copy = scratch_ / "as-grub-reads-it";
    const Completed done = TRY(run({.arguments = {"grub-fstest", disk_.string(), "cp", kBootFileSystem + path, copy},
                                    .environment = {{"LC_ALL", "C"}}}));
    if (done.status != 0) {
        return fail(ENOENT, "GRUB cannot read " + path + ": " + done.errors);
    }
    return copy;
}

Result<std::string> GrubDisk::content_of(const std::string &path) const { return read_file(TRY(copy_of(path))); }

Result<updater::GrubEnvironment> GrubDisk::environment() const {
    return updater::GrubEnvironment::parse(TRY(content_of("/grub2/grubenv")));
}

Result<std::vector<MenuEntry>> GrubDisk::menu() const {
    for (const char *place : {"/loader/grub.cfg", "/loader.1/grub.cfg"}) {
        if (Result<std::string> text = content_of(place); text.has_value()) {
            return parse_menu(*text);
        }
    }
    return parse_menu(TRY(content_of("/loader.0/grub.cfg")));
}

} // namespace ballast::power
