// SPDX-License-Identifier: Apache-2.0
// What the image says it is, what is in it, and what is not.
#include <map>
#include <set>
#include <sstream>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

// "g docker" to its number, as os/sysusers.conf gives them out.
std::map<std::string, std::string> numbers_given() {
    std::map<std::string, std::string> numbers;
    for (const std::string &line : lines_of(checkout_file("os/sysusers.conf"))) {
        std::istringstream words(line);
        std::string type, name, id;
        words >> type >> name >> id;
        if (type == "u" || type == "g") {
            numbers[type + " " + name] = id.substr(0, id.find(':'));
            if (type == "u" && !id.contains(':')) {
                numbers["g " + name] = id; // the user's own group
            }
        }
    }
    return numbers;
}

// The same of the guest's system accounts: numbers 100 to 999, but for Debian's own group "users".
std::map<std::string, std::string> numbers_used(Machine &machine) {
    std::map<std::string, std::string> numbers;
    for (const auto &[type, file] : {std::pair("u ", "/etc/passwd"), std::pair("g ", "/etc/group")}) {
        for (const std::string &line : said_lines(machine, std::string("cut -d: -f1,3 ") + file)) {
            const std::string name = line.substr(0, line.find(':'));
            const std::string id = line.substr(line.find(':') + 1);
            if (id.size() == 3 && name != "users") {
                numbers[type + name] = id;
            }
        }
    }
    return numbers;
}

} // namespace

TEST_CASE("os-release names the system, its version and where it was built from", "[vm]") {
    Machine machine = booted();
    const BuildRecord record = build_record();
    const auto field = [&](const std::string &name) { return said(machine, ". /etc/os-release && echo $" + name); };
    CHECK(field("ID") == "ballast");
    CHECK(field("ID_LIKE") == "debian");
    CHECK(field("VERSION_ID") == record.version);
    CHECK(field("VARIANT_ID") == "cloud");
    CHECK(field("BUILD_ID") == record.build_id);
    CHECK(said(machine, "readlink -f /etc/os-release") == "/usr/lib/os-release");
}

TEST_CASE("system accounts have the numbers that were given out for good", "[vm]") {
    Machine machine = booted();
    const auto given = numbers_given();
    REQUIRE(given.size() > 10);
    CHECK(numbers_used(machine) == given);
}

TEST_CASE("nothing is in the image that a container host does not need", "[vm]") {
    Machine machine = booted();
    check_says_nothing(machine,
                       "for c in gcc g++ cc c++ cpp clang as ld make apt apt-get apt-cache aptitude dpkg dpkg-query "
                       "debconf-show perl man mandb; do command -v $c; done; true");
    check_says_nothing(machine,
                       "find /usr/share/man /usr/share/locale /usr/share/doc -type f ! -name copyright 2>/dev/null | "
                       "head; true");
    CHECK(said(machine, "ls /usr/lib/locale") == "C.utf8");
    const auto locales = said_lines(machine, "locale -a");
    CHECK(std::set(locales.begin(), locales.end()) == std::set<std::string>{"C", "C.utf8", "POSIX"});
    check_says_nothing(machine, "ls -d /etc/apt /etc/dpkg /usr/lib/apt /usr/share/perl* 2>/dev/null; true");
    // The list of packages stays for scanners, at its usual place too.
    CHECK(said(machine, "grep -c '^Package: systemd$' /var/lib/dpkg/status") == "1");
    CHECK(said(machine, "cat /usr/share/ballast/packages.lock").contains("\nsystemd "));
}

TEST_CASE("what the kernel was built with can be read", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "grep -c '^CONFIG_CGROUPS=y' /usr/lib/modules/$(uname -r)/config") == "1");
}

TEST_CASE("the docker command line is there", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "docker --version").starts_with("Docker version "));
    CHECK(said(machine, "getent group docker").starts_with("docker:x:960:"));
}

TEST_CASE("all of Python is compiled ahead, and no start compares times", "[vm]") {
    Machine machine = booted();
    // PEP 552: the second word's bit 0 says "by hash", bit 1 "compare with the source". Prints what is not so.
    const std::string wrong = said(machine, R"(python3 - <<'END'
import glob, importlib.util, os, struct
sources = [f for d in ("/usr/lib/python3", "/usr/lib/python3.13") for f in glob.glob(d + "/**/*.py", recursive=True)]
assert any("/cloudinit/" in f for f in sources) and len(sources) > 500
for source in sources:
    compiled = importlib.util.cache_from_source(source)
    if not os.path.exists(compiled):
        print("not compiled", source)
    elif struct.unpack("<I", open(compiled, "rb").read(8)[4:])[0] != 1:
        print("flags", compiled)
END)");
    INFO(wrong);
    CHECK(wrong.empty());
}
