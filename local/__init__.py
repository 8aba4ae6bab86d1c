"""The whole product on one machine: emulator, build, gateway and Autotask simulator; never deployed."""
