// SPDX-License-Identifier: Apache-2.0
// The same bundles through ballast-oci, crun and runc, and what the container sees compared field by field.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <sstream>

#include "base/file_io.h"
#include "tests/peers/compared_bundles.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;
using Fields = std::map<std::string, std::string>;

// A difference that is right, and why.
struct Tolerance {
    const char *bundle; // "" for all
    const char *field;  // as it begins
    const char *peer;   // "" for both
    const char *reason;
};
constexpr Tolerance kTolerances[] = {
    {"", "namespace ", "", "each container has its own; that they are new is checked by itself"},
#include "tests/peers/tolerances.inc"
};

bool tolerated(const std::string &bundle, const std::string &field, const std::string &peer) {
    return std::ranges::any_of(kTolerances, [&](const Tolerance &tolerance) {
        return (*tolerance.bundle == '\0' || bundle == tolerance.bundle) &&
               (field + " ").starts_with(tolerance.field) && (*tolerance.peer == '\0' || peer == tolerance.peer);
    });
}

// Keys that appear again (mounts on one place) are numbered.
Fields fields_of(const std::string &output) {
    Fields fields;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::erase(line, '\r'); // of terminals
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) {
            continue;
        }
        std::string key = line.substr(0, equals);
        if (key == "environment") { // the variable's name belongs to the key
            key += " " + line.substr(equals + 1, line.find('=', equals + 1) - equals - 1);
        }
        const std::string plain = key;
        for (int again = 2; fields.contains(key); ++again) {
            key = plain + " #" + std::to_string(again);
        }
        fields[key] = line.substr(equals + 1);
    }
    return fields;
}

void install(vm::Machine &machine, const std::vector<ComparedBundle> &bundles) {
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "compared-"));
    for (const ComparedBundle &bundle : bundles) {
        const fs::path directory = scratch.path() / bundle.name;
        for (const char *mount_point : {"proc", "sys", "dev"}) {
            must(make_directories(directory / "rootfs" / mount_point));
        }
        must(write_file(directory / "rootfs/inspector", must(read_file(BALLAST_INSPECTOR)), 0755));
        must(write_file(directory / "config.json", bundle.spec.dump()));
    }
    must(machine.copy_in(scratch.path(), "/var/lib/peers/bundles"));
    // For the user namespace's root.
    run(machine, "chmod 755 /var/lib/peers /var/lib/peers/bundles; chown -R 100000:100000 "
                 "/var/lib/peers/bundles/user-namespace");
}

Fields inspect(vm::Machine &machine, const ComparedBundle &bundle, const std::string &runtime) {
    const std::string place = "/var/lib/peers/bundles/" + bundle.name, id = "compared";
    // A fresh root for each, so that nobody finds the mount points that another has made.
    std::string command =
        "cd " + place + " && rm -rf fresh && cp -a rootfs fresh && mv rootfs kept && mv fresh rootfs; ";
    const std::string call = "timeout 60 " + runtime + " --root /run/compared run " + id;
    command += bundle.terminal ? "script -qec '" + call + "' /dev/null </dev/null" : call + " </dev/null";
    command += "; status=$?; cd " + place + "; rm -rf rootfs; mv kept rootfs; exit $status";
    return fields_of(run(machine, command));
}

std::string differences(const std::string &bundle, const Fields &ours, const Fields &theirs, const std::string &peer) {
    std::string text;
    Fields all = ours;
    all.insert(theirs.begin(), theirs.end());
    const auto value = [](const Fields &fields, const std::string &key) {
        const auto found = fields.find(key);
        return found != fields.end() ? found->second : std::string("(none)");
    };
    for (const auto &[key, unused] : all) {
        if (value(ours, key) != value(theirs, key) && !tolerated(bundle, key, peer)) {
            text += key + "\n  ours: " + value(ours, key) + "\n  " + peer + ": " + value(theirs, key) + "\n";
        }
    }
    return text;
}

} // namespace

TEST_CASE("the same bundles look the same from inside under ballast-oci, crun and runc", "[peers][vm]") {
    vm::Machine machine = peer_machine();
    const auto bundles = compared_bundles(run(machine, "cat /usr/share/containers/seccomp.json"));
    install(machine, bundles);
    const std::string host = run(machine, "for n in /proc/self/ns/*; do echo namespace ${n##*/}=$(readlink $n); done");
    for (const ComparedBundle &bundle : bundles) {
        const Fields ours = inspect(machine, bundle, kOurs);
        for (const auto &[name, program] : {std::pair("crun", kCrun), std::pair("runc", kRunc)}) {
            INFO("bundle " << bundle.name);
            CHECK(differences(bundle.name, ours, inspect(machine, bundle, program), name) == "");
        }
        for (const auto &[key, value] : fields_of(host)) {
            const bool is_new = key != "namespace time" && key != "namespace time_for_children" &&
                                (key != "namespace user" || bundle.name == "user-namespace");
            INFO(bundle.name << ": " << key);
            CHECK((ours.at(key) != value) == is_new);
        }
    }
}

} // namespace ballast::peers
