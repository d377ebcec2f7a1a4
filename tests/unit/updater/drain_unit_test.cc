// SPDX-License-Identifier: Apache-2.0
#include <format>
#include <unistd.h>

#include "base/file_io.h"
#include "base/lines.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

using namespace ballast;

namespace {

namespace fs = std::filesystem;

void replace_all(std::string &text, const std::string &what, const std::string &with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

// What ballast-drain@.service has its shell do, with the programs of another directory. Tests run in the checkout.
std::string script(const fs::path &programs) {
    const std::string begin = "ExecStart=/bin/sh -c '", end = "' sh %i";
    for (const std::string &line : lines_of(must(read_file("rootfs/usr/lib/systemd/system/ballast-drain@.service")))) {
        if (line.starts_with(begin) && line.ends_with(end)) {
            std::string text = line.substr(begin.size(), line.size() - begin.size() - end.size());
            replace_all(text, "$$", "$"); // systemd.service(5)
            replace_all(text, "/etc/ballast/drain.d", programs.string());
            return text;
        }
    }
    FAIL("the unit has no such line");
    return {};
}

int run_unit(const fs::path &programs, const std::string &what) {
    return must(run({.arguments = {"/bin/sh", "-c", script(programs), "sh", what}})).status;
}

void put(const fs::path &file, const std::string &body, mode_t mode = 0755) {
    must(write_file(file, "#!/bin/sh\n" + body, mode));
}

} // namespace

TEST_CASE("programs that drain run in the order of their names, until one fails", "[updater]") {
    const TemporaryDirectory directory = scratch();
    const fs::path programs = directory.path() / "drain.d", told = directory.path() / "told";
    CHECK(run_unit(programs, "drain") == 0); // there is no such directory
    must(make_directories(programs));
    CHECK(run_unit(programs, "drain") == 0);
    const auto tell = [&](const std::string &name) { return std::format("echo {} $1 >>{}\n", name, told.string()); };
    put(programs / "README", "", 0644);
    put(programs / "10-one", tell("one"));
    put(programs / "20-two", tell("two") + "[ $1 = resume ] || exit 3\n");
    put(programs / "30-three", tell("three"));
    CHECK(run_unit(programs, "drain") == 3);
    CHECK(run_unit(programs, "resume") == 0);
    CHECK(must(read_file(told)) == "one drain\ntwo drain\none resume\ntwo resume\nthree resume\n");
}
