#!/bin/sh
# by hand
