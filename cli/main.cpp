// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"
#include "cli/commands/commands.h"

int main(int argc, char** argv) {
    return taskd::cli::run(argc, argv, taskd::cli::register_commands);
}
